"""An emergency over many agents, while processes are killed."""
