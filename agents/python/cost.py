"""What the agent costs, measured: `PYTHONPATH=agents/python/src python agents/python/cost.py`. The last line is JSON.

Times are CPU time of this thread, the best of several rounds; adding and cleaning is net of what connecting and
disconnecting cost without the agent.
"""

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Final

from connmon_agent import Agent, ConnectionManager, Host, Signal
from connmon_agent.pools import Pools
from connmon_agent.recorder import Recorder
from connmon_agent.report import Context, ReportWriter
from connmon_agent.transports import Inbox, Request

CONNECTIONS: Final = 40_000
PER_SIGNAL: Final = 8
PER_OWNER: Final = 10
ROUNDS: Final = 7


class Door:
    """An owner that nobody wrapped."""


class Unsent:
    """A transport that sends nothing."""

    def __init__(self) -> None:
        self.inbox = Inbox()

    def send(self, request: Request) -> None:
        """Nobody answers."""

    def close(self) -> None:
        """Nothing is open."""


def best(work: Callable[[], float]) -> float:
    """The least of what some rounds of `work` return, in seconds; without the garbage collector."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        times.append(work())
        gc.enable()
    return min(times)


def _callback(*_: object) -> None:
    """What is connected."""


def raw_ns() -> float:
    """Nanoseconds to connect and disconnect one callback, without the agent."""

    def work() -> float:
        signals = [Signal() for _ in range(CONNECTIONS // PER_SIGNAL)]
        started = time.thread_time()
        connections = [signal.connect(_callback) for signal in signals for _ in range(PER_SIGNAL)]
        for connection in connections:
            connection.disconnect()
        return time.thread_time() - started

    return best(work) / CONNECTIONS * 1e9


def add_clean_ns() -> float:
    """Nanoseconds to register one connection and clean it up with its owner, net of `raw_ns`."""
    manager = ConnectionManager(Host())
    owners = [Door() for _ in range(CONNECTIONS // PER_OWNER)]
    names = [f"Handler{number}" for number in range(PER_OWNER)]

    def work() -> float:
        signals = [Signal() for _ in range(CONNECTIONS // PER_SIGNAL)]
        started = time.thread_time()
        connections = iter([signal.connect(_callback) for signal in signals for _ in range(PER_SIGNAL)])
        for owner in owners:
            for name in names:
                manager.register_connection(owner, name, next(connections), "Custom")
        for owner in owners:
            manager.disconnect_all_for_owner(owner)
        return time.thread_time() - started

    return best(work) / CONNECTIONS * 1e9 - raw_ns()


def remove_one_ns(count: int) -> float:
    """Nanoseconds to unregister one of `count` connections of an owner."""
    manager = ConnectionManager(Host())
    names = [f"n{number}" for number in range(count)]

    def work() -> float:
        signal = Signal()
        for name in names:
            manager.register_connection("Combat", name, signal.connect(_callback))
        started = time.thread_time()
        for name in names:
            manager.unregister_connection("Combat", name)
        return time.thread_time() - started

    return best(work) / count * 1e9


def bytes_per_connection() -> float:
    """Bytes the agent keeps for a connection, beside the connection itself and its name."""
    manager = ConnectionManager(Host())
    owners = [Door() for _ in range(CONNECTIONS // PER_OWNER)]
    names = [f"Handler{number}" for number in range(PER_OWNER)]
    signal = Signal()
    connections = iter([signal.connect(_callback) for _ in range(CONNECTIONS)])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for owner in owners:
        for name in names:
            manager.register_connection(owner, name, next(connections), "Custom")
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / CONNECTIONS


def report_build_us(opened: int = 0) -> float:
    """Microseconds to build a report of 50 services that all changed, with `opened` connections of each."""
    manager = ConnectionManager(Host())
    recorder = Recorder(manager.core.registry, manager.core.owners)
    writer = ReportWriter(manager.core, Pools(manager.core))
    recorder.take()
    signal = Signal()
    context = Context("boot", 1, 1.0, 10.0, 0, 0, [], closing=False)

    def work() -> float:
        for service in range(50):
            manager.disconnect_all_for_owner(f"Service{service}")
            for number in range(max(1, opened)):
                manager.register_connection(f"Service{service}", f"n{number}", signal.connect(_callback))
        if not opened:
            recorder.take()
        started = time.thread_time()
        writer.write(context, recorder.take())
        return time.thread_time() - started

    return best(work) * 1e6


def idle_step_us(connections: int) -> float:
    """Microseconds of a server's tick with nothing to report, sweeps included, at 60 ticks a second."""
    clock = 1_763_870_000.0
    manager = ConnectionManager(Host(now=lambda: clock))
    signal = Signal()
    for number in range(connections):
        manager.register_connection("Combat", f"n{number}", signal.connect(_callback))
    agent = Agent(manager, Unsent())
    ticks = 3_600

    def work() -> float:
        nonlocal clock
        started = time.thread_time()
        for _ in range(ticks):
            clock += 1 / 60
            agent.step()
        return time.thread_time() - started

    work()
    return best(work) / ticks * 1e6


def main() -> None:
    """Prints the figures."""
    figures = {
        "python_raw_ns": raw_ns(),
        "python_add_clean_ns": add_clean_ns(),
        "python_remove_one_ns_100": remove_one_ns(100),
        "python_remove_one_ns_10000": remove_one_ns(10_000),
        "python_bytes_per_connection": bytes_per_connection(),
        "python_report_build_us": report_build_us(),
        "python_report_build_us_with_1000_opened": report_build_us(20),
        "python_idle_step_us_1000": idle_step_us(1_000),
        "python_idle_step_us_40000": idle_step_us(40_000),
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
