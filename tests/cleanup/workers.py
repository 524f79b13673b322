"""Celery workers in processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tests.machine import PATIENCE, wait_for

ONE_CHILD: Final = ("--concurrency", "1")
SESSIONS: Final = "connmon-tried-worker"  # application_name of the worker's database sessions

wait_long: Final = partial(wait_for, patience=60.0)  # a worker takes seconds to start, many on a busy machine


class Worker:
    """`celery worker` with these options."""

    def __init__(self, options: tuple[str, ...]) -> None:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{settings.DATABASES['default']['NAME']}").geturl()
        environment = os.environ | {"DATABASE_URL": url, "PGAPPNAME": SESSIONS}
        command = [sys.executable, "-m", "celery", "--quiet", "--app", "connmon.celery", "worker", *options]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
        self._process = subprocess.Popen(command, env=environment, start_new_session=True)

    def kill(self) -> None:
        """SIGKILL for it and its child."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)


@contextmanager
def worker(options: tuple[str, ...] = ONE_CHILD) -> Iterator[Worker]:
    started = Worker(options)
    try:
        yield started
    finally:
        started.kill()
        wait_long(lambda: not count_sessions(), "the killed worker's sessions to end")


def count_sessions(state: str = "true") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND {state}", [SESSIONS])
        return int(cursor.fetchone()[0])
