"""Hands orders out to game servers: with the answers to their reports, and at once over their sockets.

Each web process has one desk. It keeps in memory which servers have orders, so a report of any other server costs a
look into a set; PostgreSQL tells it when that changes (LISTEN), and it looks by itself every LOOK seconds, in case it
was not told. An order is marked sent before it goes out, and goes out again unless its outcome comes: nothing is held
here that would be lost with the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from itertools import islice
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
SLOW_SOCKET: Final = 0.25  # seconds that a look waits for sockets to take their orders; slower ones go on by themselves
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
        self._returned: set[int] = set()  # on a new socket: what went out over the old one may be lost
        self._pushing: dict[int, asyncio.Task[None]] = {}
        self._troubled = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to listen; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="orders")

    async def stop(self) -> None:
        """Ends. What is on its way is told by the agents to another process."""
        tasks = [*self._pushing.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def attach(self, server_id: int, push: Push) -> None:
        """From now on this server's orders go through `push`, which may raise if the socket is gone.

        What went out before, and has no outcome yet, goes out again within LOOK seconds: thousands of agents may come
        back at once, so they are served together.
        """
        if self._sockets.get(server_id) == push:
            return
        self._stop_pushing(server_id)
        self._returned.add(server_id)
        self._sockets[server_id] = push

    def detach(self, server_id: int, push: Push) -> None:
        """Ends `attach`, unless a newer socket has taken the server over."""
        if self._sockets.get(server_id) == push:
            self._stop_pushing(server_id)
            del self._sockets[server_id]

    async def fetch(self, server_id: int, *, again: bool = False) -> list[Order]:
        """The orders for the answer to a server's report, AT_ONCE at most; nearly always none, and then at no cost.

        `again`: its last answer has been lost, so what went out with it goes out again now. If the database does not
        answer there are none; they go out with a later answer. Senders on sockets do not ask: their orders are pushed.
        """
        if server_id not in self._waiting and not again:
            return []
        try:
            async with self._pool.connection() as connection:
                if again:
                    await self._recall(connection, [server_id])
                claimed = await self._claim(connection, [server_id])
        except (psycopg.Error, PoolTimeout, OSError) as error:
            if not self._troubled:  # once, not for each report
                self._log.warning("orders are not handed out: %s", error)
            self._troubled = True
            return []
        self._troubled = False
        orders = claimed.get(server_id, [])
        if len(orders) == AT_ONCE:  # there may be more, and the server asks again before the next look
            self._waiting |= {server_id}
        return orders

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
            except Exception:  # of whatever kind: a desk that ended would hand out nothing any more
                self._log.exception("orders wait")
            await asyncio.sleep(RECONNECT)

    async def step(self, connection: AsyncConnection) -> bool:
        """Looks who has orders and pushes those for sockets here; whether some went out, so that more may wait."""
        returned = list(self._returned)
        if returned:
            await self._recall(connection, returned)
            self._returned.difference_update(returned)
        now = self._clock()
        rows = await (await connection.execute(sql.DELIVERABLE, (now, now))).fetchall()
        self._waiting = frozenset(row[0] for row in rows)
        pushes = await self._push_all(connection, (self._waiting & self._sockets.keys()) - self._pushing.keys())
        if pushes:
            await asyncio.wait(pushes, timeout=SLOW_SOCKET)
        return bool(pushes)

    async def _push_all(self, connection: AsyncConnection, servers: Iterable[int]) -> list[asyncio.Task[None]]:
        """A task for each server that has been handed orders: a socket whose agent does not read holds up no other."""
        left = iter(servers)
        pushes = []
        while part := list(islice(left, PUSHED)):
            for server, orders in (await self._claim(connection, part)).items():
                if server in self._sockets:
                    pushes.append(self._begin_push(server, orders))
        return pushes

    def _begin_push(self, server_id: int, orders: list[Order]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._push(server_id, self._sockets[server_id], orders))
        self._pushing[server_id] = task
        task.add_done_callback(lambda _: self._end_push(server_id, task))
        return task

    async def _push(self, server_id: int, push: Push, orders: list[Order]) -> None:
        try:
            await push(orders)
        except Exception as error:  # any fault of the server that carries sockets: the orders go out again
            self._log.info("orders did not get out: %s", error, extra={"server_key": server_id})
            if self._sockets.get(server_id) == push:
                del self._sockets[server_id]

    def _end_push(self, server_id: int, task: asyncio.Task[None]) -> None:
        if self._pushing.get(server_id) is task:
            del self._pushing[server_id]

    def _stop_pushing(self, server_id: int) -> None:
        task = self._pushing.pop(server_id, None)
        if task:
            task.cancel()

    async def _recall(self, connection: AsyncConnection, servers: list[int]) -> None:
        await connection.execute(sql.RECALL, {"now": self._clock(), "servers": servers})

    async def _claim(self, connection: AsyncConnection, servers: list[int]) -> dict[int, list[Order]]:
        values: dict[str, Any] = {
            "now": self._clock(),
            "servers": servers,
            "again_after": AGAIN_AFTER,
            "most": AT_ONCE,
        }
        rows = await (await connection.execute(sql.CLAIM, values)).fetchall()
        claimed: dict[int, list[Order]] = {}
        for server_id, order_id, numbers, moments in rows:
            order = Order(order_id, list(zip(numbers, moments, strict=True)))
            claimed.setdefault(server_id, []).append(order)
        return claimed
