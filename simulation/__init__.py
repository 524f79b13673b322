"""Game servers that nobody plays on: each a small world with players, rounds and services, run by the Python agent.

A pure library. Its worlds follow from a seed and from the time that passes; what they report goes through the agent's
public API over a real network, as any game's does.
"""

from simulation.fleet import Fleet, FleetStatus
from simulation.leaks import KINDS, LeakKind, Planted, read_leak
from simulation.lives import FleetOptions
from simulation.server import ServerSpec, SimulatedServer

__all__ = [
    "KINDS",
    "Fleet",
    "FleetOptions",
    "FleetStatus",
    "LeakKind",
    "Planted",
    "ServerSpec",
    "SimulatedServer",
    "read_leak",
]
