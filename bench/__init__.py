"""Measurements: the load generator, the peers, and what runs them. README.md says how to read the figures."""
