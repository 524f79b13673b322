"""The Python agent: adding and cleaning a connection, net of connecting and disconnecting it."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "agents" / "python" / "src"
CONNECTIONS = 20_000
PER_OWNER = 10
ROUNDS = 5


class Connection:
    """As light as a connection can be."""

    __slots__ = ("connected",)

    def __init__(self) -> None:
        self.connected = True

    def disconnect(self) -> None:
        self.connected = False


class Owner:
    """Somebody who owns connections."""

    __slots__ = ("__weakref__", "name")

    def __init__(self) -> None:
        self.name = "Combat"


def add_clean_ns() -> float | None:
    """Nanoseconds of CPU for one connection, ten to an owner; None where the Python agent is not there."""
    if not (SOURCE / "connmon_agent").is_dir():
        return None
    sys.path.insert(0, str(SOURCE))
    try:
        manager = importlib.import_module("connmon_agent").ConnectionManager()
    finally:
        sys.path.remove(str(SOURCE))
    names = [f"Handler{number}" for number in range(PER_OWNER)]
    owners = [Owner() for _ in range(CONNECTIONS // PER_OWNER)]

    def raw() -> None:
        for connection in [Connection() for _ in range(CONNECTIONS)]:
            connection.disconnect()

    def managed() -> None:
        register = manager.register_connection
        for owner in owners:
            for name in names:
                register(owner, name, Connection(), "Custom")
        for owner in owners:
            manager.disconnect_all_for_owner(owner)

    return (_best(managed) - _best(raw)) / CONNECTIONS * 1e9


def _best(work: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.thread_time()
        work()
        best = min(best, time.thread_time() - started)
    return best
