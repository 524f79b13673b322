"""Refused reports are kept for the game's members: gathered in memory, written together, one row per kind."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool

FLUSH_SECONDS: Final = 1.0
EXCERPT: Final = 1_000  # characters of the body that are kept
KINDS: Final = 2_000  # different refusals gathered between two flushes; more of them are only counted in the log
KEPT_PER_GAME: Final = 500  # rows; the oldest go

ADD: Final[LiteralString] = """
    INSERT INTO registry_refusedreport AS r
        (game_id, server, code, pointer, detail, excerpt, count, first_at, last_at)
    SELECT %(game)s, %(server)s, %(code)s, %(pointer)s, %(detail)s, %(excerpt)s, %(count)s, %(at)s, %(at)s
    WHERE EXISTS (SELECT FROM accounts_game WHERE id = %(game)s)
    ON CONFLICT (game_id, server, code, pointer) DO UPDATE SET
        detail = excluded.detail, excerpt = excluded.excerpt, count = r.count + excluded.count,
        last_at = excluded.last_at
"""
ADD_TOTAL: Final[LiteralString] = """
    INSERT INTO registry_refusaltotal AS t (game_id, total)
    SELECT %(game)s, %(count)s WHERE EXISTS (SELECT FROM accounts_game WHERE id = %(game)s)
    ON CONFLICT (game_id) DO UPDATE SET total = t.total + excluded.total
"""
TRIM: Final[LiteralString] = """
    DELETE FROM registry_refusedreport WHERE game_id = %s AND id NOT IN (
        SELECT id FROM registry_refusedreport WHERE game_id = %s ORDER BY last_at DESC LIMIT %s)
"""


@dataclass(slots=True)
class Refusal:
    """One kind of refused report since the last flush."""

    detail: str
    excerpt: str
    count: int
    at: datetime


class _Head(msgspec.Struct):
    """As much of a refused body as may still say who sent it."""

    class Server(msgspec.Struct):
        id: str

    server: Server


_head = msgspec.json.Decoder(_Head)


class Refusals:
    """One per process."""

    def __init__(self, pool: AsyncConnectionPool, *, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._clock = clock
        self._log = logging.getLogger("connmon.refusals")
        self._gathered: dict[tuple[int, str, str, str], Refusal] = {}
        self._counts: Counter[int] = Counter()  # by game, also of those that are not kept
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to flush; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="refusals")

    async def stop(self) -> None:
        """Writes what is left and ends."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.step()

    def add(self, game_id: int, *, code: str, detail: str, pointer: str, body: bytes) -> None:
        """Notes one refused report; returns at once."""
        self._counts[game_id] += 1
        kind = (game_id, _sender(body), code, _storable(pointer, 200))
        known = self._gathered.get(kind)
        if known is None and len(self._gathered) >= KINDS:
            about = {"game": game_id, "server": kind[1]}
            self._log.warning("refused report not kept: %s at %s", code, kind[-1], extra=about)
            return
        count = known.count + 1 if known else 1
        self._gathered[kind] = Refusal(_storable(detail, 500), _excerpt(body), count, self._clock())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.step()
            except (psycopg.Error, OSError) as error:
                self._log.warning("refused reports wait to be kept: %s", error)

    async def step(self) -> bool:
        """Writes what has gathered; whether there was anything. What fails stays gathered."""
        if not self._counts:
            return False
        gathered, counts = dict(self._gathered), Counter(self._counts)
        async with self._pool.connection() as connection, connection.transaction():
            # First, and in one order: of two processes one waits here, and holds nothing that the other one wants.
            for game_id, count in sorted(counts.items()):
                await connection.execute(ADD_TOTAL, {"game": game_id, "count": count})
            for (game_id, server, code, pointer), refusal in gathered.items():
                values = {"game": game_id, "server": server, "code": code, "pointer": pointer}
                more = {"detail": refusal.detail, "excerpt": refusal.excerpt, "count": refusal.count, "at": refusal.at}
                await connection.execute(ADD, values | more)
            for game_id in counts:
                await connection.execute(TRIM, (game_id, game_id, KEPT_PER_GAME))
        self._counts -= counts
        for kind, refusal in gathered.items():
            if self._gathered[kind] is refusal:
                del self._gathered[kind]
            else:  # it came again meanwhile, counted on top of what is now written
                self._gathered[kind].count -= refusal.count
        return True


def _sender(body: bytes) -> str:
    try:
        return _storable(_head.decode(body).server.id, 128)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _excerpt(body: bytes) -> str:
    return _storable(body[: EXCERPT * 4].decode("utf-8", "replace"), EXCERPT)


def _storable(text: str, most: int) -> str:
    """PostgreSQL takes no NUL, and pages want no control characters."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text[:most])
