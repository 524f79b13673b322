"""Runs connmon on one machine: embedded PostgreSQL and Valkey, and one supervisor for every process."""
