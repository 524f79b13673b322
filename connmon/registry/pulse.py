"""Says in the database that this process takes reports, so that a sweep can tell their silence from our own."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Final, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

EVERY: Final = 5.0  # seconds
GAP: Final = 30.0  # seconds without a pulse: the machine slept or the database was away, and reports were lost
FORGET: Final = 86_400.0  # seconds until a process that ended leaves no trace

BEAT: Final[LiteralString] = """
    WITH old AS (
        DELETE FROM registry_ingestpulse WHERE seen_at < %(now)s::timestamptz - make_interval(secs => %(forget)s)
    )
    INSERT INTO registry_ingestpulse AS p (process, started_at, seen_at, ill_at)
    VALUES (%(process)s, %(started)s, %(now)s, %(ill)s)
    ON CONFLICT (process) DO UPDATE SET seen_at = excluded.seen_at, ill_at = CASE
        WHEN excluded.seen_at - p.seen_at > make_interval(secs => %(gap)s) THEN excluded.seen_at
        ELSE greatest(p.ill_at, excluded.ill_at) END
"""


class Pulse:
    """One per process. `ill_at` tells when reports were last refused or lost through our own fault."""

    def __init__(
        self, pool: AsyncConnectionPool, *, ill_at: Callable[[], datetime | None], clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._ill_at = ill_at
        self._clock = clock
        self._started = clock()
        self._process = f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._task: asyncio.Task[None] | None = None
        self._log = logging.getLogger("connmon.pulse")

    def start(self) -> None:
        """Begins to beat; call it inside the event loop."""
        self._started = self._clock()
        self._task = asyncio.create_task(self._run(), name="pulse")

    async def stop(self) -> None:
        """Ends; the last pulse stays and grows old."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
            except (psycopg.Error, PoolTimeout, OSError) as error:
                self._log.warning("no pulse: %s", error)
            await asyncio.sleep(EVERY)

    async def step(self) -> bool:
        """One beat."""
        values = {
            "process": self._process,
            "started": self._started,
            "now": self._clock(),
            "ill": self._ill_at(),
            "gap": GAP,
            "forget": FORGET,
        }
        async with self._pool.connection() as connection:
            await connection.execute(BEAT, values)
        return True
