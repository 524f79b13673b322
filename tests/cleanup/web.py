"""A web process as far as orders go: the real desk on real connections, which a test may kill."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from django.db import connection as django_connection
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from connmon.cleanup.desk import Desk
from connmon.core.database import conninfo
from connmon.wire.v1 import Order

T = TypeVar("T")


class Web:
    """One desk on a loop of its own, whose steps the test takes. `die` ends it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._loop = asyncio.new_event_loop()
        self._run(self._open(clock))

    async def _open(self, clock: Callable[[], datetime]) -> None:
        self._pool = AsyncConnectionPool(
            conninfo(), min_size=1, max_size=1, timeout=5, open=False, kwargs={"autocommit": True}
        )
        await self._pool.open(wait=True)
        self._connection = await AsyncConnection.connect(conninfo(), autocommit=True)
        self.desk = Desk(conninfo(), self._pool, clock=clock)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def push_all(self) -> None:
        """Looks for orders, and hands them to the sockets here until there are no more."""
        try:
            while self._run(self.desk.step(self._connection)):
                pass
        except psycopg.Error:  # as the desk's own loop does
            self._connection = self._run(AsyncConnection.connect(conninfo(), autocommit=True))

    def fetch(self, server_id: int, *, again: bool) -> list[Order]:
        """The orders for the answer to a report."""
        return self._run(self.desk.fetch(server_id, again=again))

    def lose_its_connections(self) -> None:
        """As when PostgreSQL is killed: whatever asks next is not answered."""
        with django_connection.cursor() as cursor:
            for pid in (self._connection.info.backend_pid, self._run(self._pooled_pid())):
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    async def _pooled_pid(self) -> int:
        async with self._pool.connection() as pooled:
            return pooled.info.backend_pid

    def die(self) -> None:
        """Everything that it knew is lost."""
        self._run(self._close())
        self._loop.close()

    async def _close(self) -> None:
        await self.desk.stop()
        await self._connection.close()
        await self._pool.close()
