"""The edges for machines: reports, the agent's socket, REST for ops and CI, health."""
