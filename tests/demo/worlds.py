"""Simulated servers in time that passes when a test says so."""

from typing import Final

from simulation import ServerSpec, SimulatedServer, read_leak
from simulation.timeline import Era

EPOCH: Final = 1_763_870_000.0
MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
AGENT: Final = "connmon"  # the service of the agent's own connections
QUIET: Final = 6 * MINUTE  # after which nothing of those who left is held, and what is orphaned is known to be


def make_world(*leaks: str, seed: str = "1", place_version: int = 143) -> SimulatedServer:
    """A server born at EPOCH, with these leaks."""
    planted = tuple(map(read_leak, leaks))
    spec = ServerSpec("server-1", seed, place_version=place_version, leaks=planted)
    return SimulatedServer(spec, Era(EPOCH), lambda: EPOCH)


def pass_time(server: SimulatedServer, seconds: float, step: float | None = None) -> None:
    """Lets time pass, at once or in steps."""
    end = server.moment + seconds
    while server.moment < end:
        server.advance(EPOCH + min(end, server.moment + (step or seconds)))
    assert server.world.faults == []


def live(server: SimulatedServer) -> dict[str, int]:
    """Live connections by service."""
    return {name: counters.live for name, counters in server.stats.services.items()}


def orphaned(server: SimulatedServer) -> dict[str, int]:
    """Orphaned ones, by service that has any."""
    return {name: counters.orphaned for name, counters in server.stats.services.items() if counters.orphaned}


def stale(server: SimulatedServer) -> dict[str, int]:
    """Stale ones, by service that has any."""
    return {name: counters.stale for name, counters in server.stats.services.items() if counters.stale}


def empty(server: SimulatedServer) -> None:
    """Everybody leaves, nobody comes, and what they did is over."""
    server.crowd.send_home()
    pass_time(server, QUIET)
