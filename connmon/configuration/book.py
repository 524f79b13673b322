"""Configurations in memory for the edge, so that a report costs no query: each game's is read again after LIFE."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from connmon.configuration.rules import Configuration, Overrides, empty

LIFE: Final = 10.0  # seconds; so a new revision is in the answers of every process within that
GAMES: Final = 10_000

FIND: Final[LiteralString] = """
    SELECT number, settings, services FROM configuration_revision WHERE game_id = %s ORDER BY number DESC LIMIT 1
"""


@dataclass(slots=True)
class _Page:
    revision: int
    config: dict[str, Any]
    until: float


class ConfigurationBook:
    """One per process."""

    def __init__(self, pool: AsyncConnectionPool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._pages: dict[int, _Page] = {}
        self._log = logging.getLogger("connmon.configuration")

    async def newer_than(self, game_id: int, revision: int) -> dict[str, Any] | None:
        """The `config` of an answer to an agent that runs `revision`; None if that is the newest."""
        page = self._pages.get(game_id)
        now = self._clock()
        if page is None or page.until <= now:
            page = await self._read_again(game_id, page, now)
        return page.config if page.revision > revision else None

    async def _read_again(self, game_id: int, known: _Page | None, now: float) -> _Page:
        """Reads it. Whoever comes meanwhile is served what was known; so he is if the database does not answer."""
        page = known or _Page(0, {}, 0.0)
        page.until = now + LIFE
        if known is None:
            if len(self._pages) >= GAMES:
                self._pages.clear()
            self._pages[game_id] = page
        try:
            async with self._pool.connection() as connection:
                row = await (await connection.execute(FIND, (game_id,))).fetchone()
        except (psycopg.Error, PoolTimeout, OSError) as error:
            self._log.warning("the configuration is not read: %s", error, extra={"game": game_id})
            return page
        configuration = Configuration(row[0], Overrides(row[1], row[2])) if row else empty()
        page.revision, page.config = configuration.revision, configuration.for_agents()
        return page
