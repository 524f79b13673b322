"""Looks all the time whether connmon is ready, and whether what was acknowledged is still there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psycopg

from bench.chaos.crowd import Crowd
from bench.chaos.house import House
from connmon.core.ids import server_key

LOOK: Final = 0.2  # seconds
AUDIT: Final = 5.0  # seconds between two looks at what is committed

SEQUENCES: Final = "SELECT server_id, last_seq FROM registry_serverstate"


@dataclass
class Readiness:
    """When connmon was not ready, and how long after the last fault it was again. Times are monotonic seconds."""

    last_fault: float = 0.0
    last_fault_name: str = ""
    unready_since: float | None = None
    longest: float = 0.0  # from the last fault of an outage until ready
    longest_after: str = ""
    outages: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_fault(self, name: str, now: float) -> None:
        """A fault began, or ceased to hold (a full disk has room again)."""
        with self._lock:
            self.last_fault, self.last_fault_name = now, name

    def note_look(self, now: float, *, ready: bool) -> None:
        """What a look found."""
        with self._lock:
            if not ready:
                self.unready_since = self.unready_since or now
            elif self.unready_since is not None:
                self.outages += 1
                self.unready_since = None
                # An outage that no fault explains counts from its own beginning.
                if now - self.last_fault > self.longest:
                    self.longest, self.longest_after = now - self.last_fault, self.last_fault_name


@dataclass
class Audit:
    """How often what was acknowledged was compared with what is committed, and what was missing."""

    looks: int = 0
    behind: set[tuple[str, str]] = field(default_factory=set)

    def compare(self, acked: dict[tuple[str, str], int], committed: dict[int, int], game_id: int) -> None:
        """`acked` was read before `committed`: a row that is behind, or not there, was lost."""
        self.looks += 1
        for key, seq in acked.items():
            if committed.get(server_key(game_id, *key), 0) < seq:
                self.behind.add(key)


class Watch:
    """Both, each in a thread of its own, since the event loop is busy with the crowd."""

    def __init__(self, house: House, crowd: Crowd, game_id: int) -> None:
        self.readiness, self.audit = Readiness(), Audit()
        self._house, self._crowd, self._game_id = house, crowd, game_id
        self._ended = threading.Event()
        loops = (self._look, LOOK), (self._audit, AUDIT)
        self._threads = [threading.Thread(target=self._run, args=loop, daemon=True) for loop in loops]

    def start(self) -> None:
        """Begins to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends."""
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, step: Callable[[], None], pause: float) -> None:
        while not self._ended.wait(pause):
            step()

    def _look(self) -> None:
        ready = self._house.is_ready()
        self.readiness.note_look(time.monotonic(), ready=ready)

    def _audit(self) -> None:
        acked = {key: seq for key, (seq, _) in self._crowd.ledger.last.copy().items()}
        with suppress(psycopg.Error), psycopg.connect(self._house.database_url, connect_timeout=2) as connection:
            self.audit.compare(acked, dict(connection.execute(SEQUENCES).fetchall()), self._game_id)
