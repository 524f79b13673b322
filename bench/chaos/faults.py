"""What goes wrong, in an order and at moments that a seed decides."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString
from urllib.error import URLError
from urllib.request import Request, urlopen

import psycopg

from bench.chaos.crowd import Crowd
from bench.chaos.house import HOST, PARTS, SUPERVISOR, House
from bench.chaos.links import Target
from bench.chaos.watch import Readiness

FULL_FOR: Final = 6.0  # seconds without a byte left
STORM_PATIENCE: Final = 180.0  # seconds for all sockets of a storm to be taken, and again after the web process died
LOCK_TIMEOUT: Final[LiteralString] = "SET lock_timeout = '500ms'"
MIGRATION: Final[tuple[LiteralString, ...]] = (
    "ALTER TABLE registry_serverstate ADD COLUMN chaos_note integer",
    "ALTER TABLE registry_connection ADD COLUMN chaos_note integer NOT NULL DEFAULT 0",
    "CREATE INDEX CONCURRENTLY chaos_index ON registry_connection (site)",
    "DROP INDEX CONCURRENTLY chaos_index",
    "ALTER TABLE registry_connection DROP COLUMN chaos_note",
    "ALTER TABLE registry_serverstate DROP COLUMN chaos_note",
)
ATTEMPTS: Final = 60  # at one statement of a migration

KILLS: Final = tuple(f"kill {part}" for part in (*PARTS, SUPERVISOR))
EMPTIED, FULL, STORM, MIGRATED, EMERGENCY = "Valkey emptied", "disk full", "storm", "migration", "emergency"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything. Seconds."""

    servers: int
    kills: int  # of each part
    seconds: float  # in which the faults fall
    emptied: int
    full: int
    migrations: int
    emergencies: int
    storm: int  # sockets
    slow_readers: int
    disk_mb: int


SHORT: Final = Scale(
    servers=1_000, kills=1, seconds=50, emptied=1, full=1, migrations=1, emergencies=2, storm=400, slow_readers=10,
    disk_mb=1_024,
)  # fmt: skip
WHOLE: Final = Scale(
    servers=1_000, kills=10, seconds=840, emptied=5, full=3, migrations=3, emergencies=20, storm=10_000,
    slow_readers=50, disk_mb=3_072,
)  # fmt: skip


def make_schedule(scale: Scale, chance: random.Random, *, own_disk: bool) -> list[tuple[float, str]]:
    """Moments, in seconds from the beginning, and faults. The storm comes first, the others strike at random."""
    names = [name for name in KILLS for _ in range(scale.kills)]
    counts = {EMPTIED: scale.emptied, MIGRATED: scale.migrations, EMERGENCY: scale.emergencies}
    counts[FULL] = scale.full if own_disk else 0
    names += [name for name, count in counts.items() for _ in range(count)]
    moments = sorted(chance.uniform(0, scale.seconds) for _ in names)
    chance.shuffle(names)
    return [(0.0, STORM), *zip(moments, names, strict=True)]


@dataclass
class Faults:
    """Does them, and counts what was done."""

    house: House
    readiness: Readiness
    chance: random.Random
    scale: Scale
    ops_key: str
    storm_target: Target
    done: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Any] = field(default_factory=dict)
    lock_timeouts: int = 0
    storm_crowd: Crowd | None = None

    async def run(self, schedule: list[tuple[float, str]], say: Callable[[str], None]) -> None:
        """All of the schedule; a fault may strike while the one before it still has its effect."""
        began = time.monotonic()
        under_way: list[asyncio.Task[None]] = []
        for moment, name in schedule:
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            say(f"{time.monotonic() - began:6.1f} s  {name}")
            if name == STORM:
                await self._storm()
                began = time.monotonic()  # the others begin after it
            else:
                under_way.append(asyncio.create_task(self._act(name)))
        await asyncio.gather(*under_way)

    async def _act(self, name: str) -> None:
        acts: dict[str, Callable[[], Awaitable[bool]]] = {
            EMPTIED: self._empty, FULL: self._fill_disk, MIGRATED: self._migrate, EMERGENCY: self._emergency,
        }  # fmt: skip
        act = acts.get(name) or (lambda: self._kill(name.removeprefix("kill ")))
        with self._struck(name):
            if await act():
                self.done[name] += 1

    @contextmanager
    def _struck(self, name: str) -> Iterator[None]:
        """The time until connmon is ready counts from the end of a fault."""
        self.readiness.note_fault(name, time.monotonic())
        yield
        self.readiness.note_fault(name, time.monotonic())

    async def _kill(self, part: str) -> bool:
        for _ in range(100):  # it may be between two lives
            if await asyncio.to_thread(self.house.kill, part):
                if part == SUPERVISOR:
                    self.house.start()
                return True
            await asyncio.sleep(0.1)
        return False

    async def _empty(self) -> bool:
        for _ in range(100):
            if await asyncio.to_thread(self.house.empty_valkey):
                return True
            await asyncio.sleep(0.1)
        return False

    async def _fill_disk(self) -> bool:
        disk = self.house.full_disk()
        await asyncio.to_thread(disk.__enter__)
        try:
            await asyncio.sleep(FULL_FOR)
        finally:
            await asyncio.to_thread(disk.__exit__, None, None, None)
        return True

    async def _migrate(self) -> bool:
        return await asyncio.to_thread(self._migrate_now)

    def _migrate_now(self) -> bool:
        """Each statement until it goes through, whatever happens to the database meanwhile."""
        for statement in MIGRATION:
            for _ in range(ATTEMPTS):
                if self._try_statement(statement):
                    break
                time.sleep(0.3)
            else:
                self.notes.setdefault("migration", []).append(f"gave up: {statement}")
                return False
        return True

    def _try_statement(self, statement: LiteralString) -> bool:
        try:
            with psycopg.connect(self.house.database_url, autocommit=True, connect_timeout=5) as connection:
                connection.execute(LOCK_TIMEOUT)
                connection.execute(statement)
        except (psycopg.errors.DuplicateColumn, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedObject):
            return True  # it was committed, its answer was lost
        except psycopg.errors.DuplicateTable:  # an index that was not finished stays, invalid
            self._try_statement("DROP INDEX CONCURRENTLY chaos_index")
            return False
        except psycopg.errors.LockNotAvailable:
            self.lock_timeouts += 1
            return False
        except psycopg.Error:
            return False
        return True

    async def _emergency(self) -> bool:
        """Declared until it is answered, always with one Idempotency-Key."""
        body = json.dumps({"reason": "chaos", "hold_s": 0, "canary": False}).encode()
        headers = {
            "Authorization": f"Bearer {self.ops_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"chaos-{uuid.UUID(int=self.chance.getrandbits(128))}",
        }
        request = Request(f"{self.house.url}/api/v1/cleanup/emergency", data=body, headers=headers, method="POST")

        def ask() -> bool:
            with suppress(URLError, OSError), urlopen(request, timeout=20) as answer:
                return bool(answer.status < 300)
            return False

        for _ in range(30):
            if await asyncio.to_thread(ask):
                return True
            await asyncio.sleep(1)
        return False

    async def _storm(self) -> None:
        """Many sockets; the web process is killed and all come back at once; then they say farewell."""
        crowd = self.storm_crowd = Crowd(self.chance)
        for number in range(self.scale.storm):
            crowd.add(f"storm-{number}", self.storm_target, socket=True, size=2)
        began = time.monotonic()
        crowd.start(spread=5.0)
        await _until(lambda: crowd.known == self.scale.storm)
        self.notes["storm_taken_s"] = round(time.monotonic() - began, 1)
        crowd.settle()
        acked = crowd.ledger.acked
        with self._struck(STORM):
            await self._kill("web")
        began = time.monotonic()
        for member in crowd.members:
            member.server.closing = True
        await _until(lambda: all(member.task and member.task.done() for member in crowd.members))
        self.notes["storm_back_s"] = round(time.monotonic() - began, 1)
        self.notes["storm_came_back"] = crowd.ledger.acked - acked
        await crowd.stop()
        self.done[STORM] += 1


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STORM_PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {STORM_PATIENCE:.0f} s in a storm")
        await asyncio.sleep(0.2)


def target_of(port: int, key: str) -> Target:
    """On loopback."""
    return Target(HOST, port, key)
