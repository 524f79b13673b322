"""`make bench-ingest`: durable reports a second, beside a bare write of the same rows and beside peers."""
