"""Proof by attack: everything that a stranger, a rival and a hostile game server may try (docs/threat-model.md)."""
