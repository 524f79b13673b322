"""A run of the corpus by the real way: agents report over HTTP, a Celery worker looks. Only time is faked."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import pytest
import redis
from django.conf import settings
from django.db import connection

from bench.leaks.observe import EPOCH, Seen
from bench.leaks.sites import Lives
from bench.leaks.world import MINUTE, Boot
from connmon import tasks
from connmon.core.ids import NewKey
from connmon.runtime import heartbeat
from connmon_agent import ConnectionManager, Host, Players, ServerInfo, Signal
from connmon_agent.reporter import FOLLOW_UP, Reporter
from connmon_agent.transports import Request, Response
from tests.machine import PATIENCE, REPORTS, Site, wait_for

SWEEP: Final = 10.0  # seconds between two steps of an agent's sweeps: in a minute they come past 3,000 connections
SESSIONS: Final = "connmon-clocked-worker"  # application_name of the worker's database sessions
Register = Callable[..., object]


class RunClock:
    """The run's time, for this process and, through a file, for the worker's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0.0)

    def set(self, at: float) -> None:
        """`at`: seconds since the run began."""
        self.at = at
        fresh = self.file.with_suffix(".new")
        fresh.write_text(repr(EPOCH + at))
        fresh.replace(self.file)  # whoever reads meanwhile sees the old or the new

    def unix(self) -> float:
        return EPOCH + self.at

    def now(self, tz: object = UTC) -> datetime:
        return datetime.fromtimestamp(self.unix(), tz=UTC)


@dataclass(frozen=True)
class Happening:
    """Something that a game's code does at a moment of the run."""

    at: float
    do: Callable[[], object]


class GameServer:
    """One boot of one server: the corpus says what its code does, the agent finds out and reports it."""

    def __init__(self, boot: Boot, sites: dict[str, Lives], clock: RunClock, site: Site, key: NewKey) -> None:
        self.boot = boot
        self._clock, self._site, self._key = clock, site, key
        self._faults: list[str] = []
        self._players, self._people = Players(), [_Person() for _ in boot.joins]
        host = Host(
            ServerInfo(boot.server, 1, boot.version),
            players=self._players,
            now=clock.unix,
            random=random.Random(boot.server).random,
            log=self._faults.append,
        )
        self._manager = ConnectionManager(host)
        self._manager.configuration.set("CONNECTION_MANAGEMENT", "AUTO_CLEANUP_STALE_CONNECTIONS", False)
        self._reporter = Reporter(self._manager.core, self._manager.pools, clock.unix())
        found = [*self._coming_and_going(), *self._sweeps()]
        for name, lives in sites.items():
            found += self._of_site(name, lives)
        self._happenings = iter(sorted(found, key=lambda one: one.at))
        self._next = next(self._happenings, None)

    def report(self, at: float) -> None:
        """All that happens until then, and one report of it, or more where one has no room."""
        while self._next is not None and self._next.at <= at:
            self._clock.set(self._next.at)
            self._next.do()
            self._next = next(self._happenings, None)
        self._clock.set(at)
        self._manager.step(self._clock.unix())
        self._reporter.hurry(self._clock.unix())
        while (wait := self._reporter.wait(self._clock.unix())) <= FOLLOW_UP:
            self._clock.set(self._clock.at + wait)
            request = self._reporter.next_request(self._clock.unix())
            assert request is not None
            self._reporter.on_response(self._post(request), self._clock.unix())
        assert self._faults == []

    def _post(self, request: Request) -> Response:
        headers = {"authorization": f"Bearer {self._key.plaintext}", "content-type": "application/json"}
        answer = self._site.request("POST", REPORTS, body=request.body, headers=headers)
        assert answer.status == 200, answer
        return Response(request.token, 200, json.dumps(answer.body).encode())

    def _coming_and_going(self) -> Iterator[Happening]:
        for number, person in enumerate(self._people):
            yield Happening(self.boot.joins[number], lambda who=person, n=number: self._players.join(who, n))  # type: ignore[misc]
            yield Happening(self.boot.leaves[number], lambda who=person: self._players.leave(who))  # type: ignore[misc]

    def _sweeps(self) -> Iterator[Happening]:
        for at in np.arange(self.boot.start, self.boot.end, SWEEP):
            yield Happening(float(at), lambda: self._manager.step(self._clock.unix()))

    def _of_site(self, name: str, lives: Lives) -> Iterator[Happening]:
        """Everything is only watched: the corpus, not the agent, says what is closed when."""
        service, _, line = name.partition(":")
        register = at_line(service, int(line))
        signal = Signal()
        for place, (birth, death) in enumerate(zip(lives.births, lives.deaths, strict=True)):
            if death <= birth or birth > self.boot.end:
                continue
            number = int(lives.owners[place])
            owner: object = self._people[number] if number >= 0 else f"service:{service}"
            made = signal.connect(_nothing)
            about = (self._manager.register_connection, owner, f"{name}#{place}", made)
            yield Happening(birth, lambda all=about: register(*all, "Any", service=service, watch=True))  # type: ignore[misc]
            if lives.stale[place] < death:
                yield Happening(lives.stale[place], made.disconnect)
            if death <= self.boot.end:
                yield Happening(death, lambda all=about: self._manager.unregister_connection(all[1], all[2]))  # type: ignore[misc]


class _Person:
    """A player."""


def _nothing() -> None:
    """What signals call."""


def at_line(module: str, line: int) -> Register:
    """A function that calls another from that line of that module, so that the agent sees it as the creation site."""
    names: dict[str, Any] = {"__name__": module}
    exec(compile("\n" * (line - 1) + "def call(f, *a, **k): return f(*a, **k)", module, "exec"), names)
    call: Register = names["call"]
    return call


@contextmanager
def running(clock: RunClock) -> Iterator[None]:
    """A Celery worker of its own process; its sessions have ended when this is over."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{settings.DATABASES['default']['NAME']}").geturl()
    environment = os.environ | {"DATABASE_URL": url, "PGAPPNAME": SESSIONS, "CLOCK_FILE": str(clock.file)}
    worker = subprocess.Popen([sys.executable, "-m", "tests.leaks.clocked_worker"], env=environment)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
        wait_for(lambda: not _sessions(), "the worker's sessions to end")


def _sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [SESSIONS])
        return int(cursor.fetchone()[0])


def look(clock: RunClock, marks: redis.Redis) -> None:
    """Sends the task, and one more behind it: the worker does one after the other, so when that is done both are."""
    tasks.look_for_leaks.delay()
    tasks.leave_marks.delay(clock.unix())
    wait_for(lambda: marks.get(heartbeat.BEAT_KEY) == repr(clock.unix()).encode(), "the look", patience=60.0)


def play(
    seen: dict[str, list[Seen]], *, clock: RunClock, site: Site, key: NewKey, minutes: int, patch: pytest.MonkeyPatch
) -> None:
    """The run from its beginning: what each server said last is reported before the look that sees it."""
    patch.setattr("django.utils.timezone.now", clock.now)
    patch.setattr("connmon.registry.ingest.datetime", SimpleNamespace(now=clock.now))
    boots = list(zip(*seen.values(), strict=True))
    heard = [dict(zip(parts[0].looks, parts[0].reports, strict=True)) for parts in boots]
    servers: dict[int, GameServer] = {}
    with running(clock), redis.Redis.from_url(settings.REDIS_URL) as marks:
        for at in MINUTE * np.arange(1, minutes):
            due = [(reports[at], place) for place, reports in enumerate(heard) if at in reports]
            for moment, place in sorted(due):
                parts = boots[place]
                if not parts[0].boot.start < at < parts[0].boot.end:
                    continue
                if place not in servers:
                    clock.set(parts[0].boot.start)
                    sites = {name: part.lives for name, part in zip(seen, parts, strict=True)}
                    servers[place] = GameServer(parts[0].boot, sites, clock, site, key)
                servers[place].report(float(moment))
            clock.set(float(at))
            look(clock, marks)
        marks.delete(heartbeat.BEAT_KEY, heartbeat.WORKER_KEY)
