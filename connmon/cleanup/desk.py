"""Hands orders out to game servers: with the answers to their reports, and at once over their sockets.

Each web process has one desk. It keeps in memory which servers have orders, so a report of any other server costs a
look into a set; PostgreSQL tells it when that changes (LISTEN), and it looks by itself every LOOK seconds, in case it
was not told. An order is marked sent before it goes out, and goes out again unless its outcome comes: nothing is held
here that would be lost with the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from connmon.cleanup import statements as sql
from connmon.wire.v1 import Order

LOOK: Final = 1.0  # seconds
AT_ONCE: Final = 4  # orders in one message: 4,000 connections, some 140 KB
AGAIN_AFTER: Final = 20.0  # seconds without an outcome until an order goes out again
PUSHED: Final = 500  # sockets served by one statement
RECONNECT: Final = 0.5  # seconds

Push = Callable[[list[Order]], Awaitable[None]]


class Desk:
    """One per process."""

    def __init__(self, dsn: str, pool: AsyncConnectionPool, *, clock: Callable[[], datetime]) -> None:
        self._dsn = dsn
        self._pool = pool
        self._clock = clock
        self._log = logging.getLogger("connmon.orders")
        self._waiting: frozenset[int] = frozenset()
        self._sockets: dict[int, Push] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to listen; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="orders")

    async def stop(self) -> None:
        """Ends. What is on its way is told by the agents to another process."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def attach(self, server_id: int, push: Push) -> None:
        """From now on this server's orders go through `push`, which may raise if the socket is gone."""
        self._sockets[server_id] = push

    def detach(self, server_id: int, push: Push) -> None:
        """Ends `attach`, unless a newer socket has taken the server over."""
        if self._sockets.get(server_id) == push:
            del self._sockets[server_id]

    async def fetch(self, server_id: int, *, again: bool = False) -> list[Order]:
        """The orders for the answer to a server's report, AT_ONCE at most; nearly always none, and then at no cost.

        `again`: its last answer has been lost, so what went out with it goes out again now. If the database does not
        answer there are none; they go out with a later answer.
        """
        if server_id not in self._waiting and not again:
            return []
        try:
            async with self._pool.connection() as connection:
                claimed = await self._claim(connection, [server_id], again=again)
        except (psycopg.Error, PoolTimeout, OSError) as error:
            self._log.warning("orders are not handed out: %s", error)
            return []
        return claimed.get(server_id, [])

    async def _run(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                    await connection.execute("LISTEN connmon_orders")
                    while True:
                        while await self.step(connection):
                            pass
                        async for _ in connection.notifies(timeout=LOOK, stop_after=1):
                            pass
            except (psycopg.Error, OSError) as error:
                self._log.warning("orders wait for the database: %s", error)
                await asyncio.sleep(RECONNECT)

    async def step(self, connection: AsyncConnection) -> bool:
        """Looks who has orders and pushes those for sockets here; whether some went out, so that more may wait."""
        now = self._clock()
        rows = await (await connection.execute(sql.DELIVERABLE, (now, now))).fetchall()
        self._waiting = frozenset(row[0] for row in rows)
        here = [server for server in self._waiting if server in self._sockets]
        for start in range(0, len(here), PUSHED):
            claimed = await self._claim(connection, here[start : start + PUSHED])
            await asyncio.gather(*[self._push(server, orders) for server, orders in claimed.items()])
        return bool(here)

    async def _push(self, server_id: int, orders: list[Order]) -> None:
        push = self._sockets.get(server_id)
        if push is None:
            return
        try:
            await push(orders)
        except Exception as error:  # any fault of the server that carries sockets: the orders go out again
            self._log.info("orders for server %s did not get out: %s", server_id, error)
            self.detach(server_id, push)

    async def _claim(
        self, connection: AsyncConnection, servers: Collection[int], *, again: bool = False
    ) -> dict[int, list[Order]]:
        values: dict[str, Any] = {
            "now": self._clock(),
            "servers": list(servers),
            "again": again,
            "again_after": AGAIN_AFTER,
            "most": AT_ONCE,
        }
        rows = await (await connection.execute(sql.CLAIM, values)).fetchall()
        claimed: dict[int, list[Order]] = {}
        for server_id, order_id, numbers, moments in rows:
            order = Order(order_id, list(zip(numbers, moments, strict=True)))
            claimed.setdefault(server_id, []).append(order)
        return claimed
