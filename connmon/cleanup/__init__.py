"""Cleanup plans, orders to game servers, the stale sweep and emergencies. PostgreSQL is the queue (docs/cleanup.md)."""
