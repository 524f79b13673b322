"""What the agents cost inside a game server, beside the cleanup libraries of today: `python -m bench.agent`."""
