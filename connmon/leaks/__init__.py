"""The truth about leaks: verdicts on creation sites, and the ledger that keeps them."""
