"""connmon with several web processes, a worker and beat, that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.ingest.site import Database
from connmon.core import ids

CELERY = (sys.executable, "-m", "celery", "--quiet", "--app", "connmon.celery")


@dataclass
class House:
    """Processes of one run; every one is ended at its end, by its number."""

    base: Database
    web_pids: list[int]
    schedule: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A worker with one process for tasks, in a session of its own so that both can be killed."""
        return self._start(*CELERY, "worker", "--concurrency", "1", "--without-gossip", "--without-mingle")

    def start_beat(self) -> subprocess.Popen[bytes]:
        return self._start(*CELERY, "beat", "--schedule", str(self.schedule), "--pidfile", "")

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*command, "--loglevel", "ERROR"],
            env=self.base.environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.running.append(process)
        return process

    def kill_web(self) -> None:
        """kill -9 of the first web process."""
        os.kill(self.web_pids[0], signal.SIGKILL)

    def end(self) -> None:
        """Ends what it started."""
        for process in self.running:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of a process and of its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


@contextmanager
def house(base: Database, web_pids: list[int]) -> Iterator[House]:
    """Worker and beat beside the web processes."""
    with tempfile.TemporaryDirectory(prefix="connmon-beat-") as folder:
        found = House(base, web_pids, Path(folder) / "schedule")
        try:
            yield found
        finally:
            found.end()


def add_key(base: Database, *scopes: str) -> str:
    """Another key of the game."""
    key = ids.new_key()
    with psycopg.connect(base.url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO accounts_apikey (id, game_id, name, digest, scopes, created_at) "
            "VALUES (%s, %s, 'ops', %s, %s, %s)",
            [key.id, base.game_id, ids.digest(key.secret), list(scopes), datetime.now(UTC)],
        )
    return key.plaintext
