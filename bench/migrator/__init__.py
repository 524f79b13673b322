"""How well the migrator finds, rewrites and proves, over the labelled corpus of tests/migrator."""
