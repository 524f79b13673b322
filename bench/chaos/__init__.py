"""Proof by faults: real processes under load while everything around them breaks (docs/chaos.md)."""
