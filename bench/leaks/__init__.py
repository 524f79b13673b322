"""Leak verdicts against a labelled corpus of simulated games. The written model of these games is in docs/leaks.md."""
