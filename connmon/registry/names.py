"""Service names to ids, in memory: a service exists once per game and is never renamed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol, TypeVar

from psycopg import AsyncConnection

from connmon.registry import statements as sql
from connmon.registry.rows import words
from connmon.wire.codec import WireError
from connmon.wire.v1 import Report

SERVICES_PER_GAME: Final = 5_000  # a game with names made at run time would fill every page and table


class Named(Protocol):
    """A report with its game."""

    game_id: int
    report: Report

    def refuse(self, error: WireError) -> None:
        """Answers the sender."""


N = TypeVar("N", bound=Named)


class ServiceNames:
    """The ids of each game's services, as far as they were needed."""

    def __init__(self) -> None:
        self._games: dict[int, dict[str, int]] = {}

    def of(self, game_id: int) -> Mapping[str, int]:
        """Name to id."""
        return self._games.setdefault(game_id, {})

    async def resolve(self, connection: AsyncConnection, wanted: Sequence[N], *, now: datetime) -> list[N]:
        """Makes every name of `wanted` known, adding new services; returns those whose names are.

        The others have been refused: their game has too many services.
        """
        missing: dict[int, set[str]] = {}
        for item in wanted:
            if not self.knows(item):
                missing.setdefault(item.game_id, set()).update(_names(item.report))
        for game_id, names in missing.items():
            await self._add(connection, game_id, names, now=now)
        return [item for item in wanted if self._can_take(item) or self._refuse(item)]

    def forget(self) -> None:
        """Drops all; the next report reads them again."""
        self._games.clear()

    async def _add(self, connection: AsyncConnection, game_id: int, names: set[str], *, now: datetime) -> None:
        known = await self._load(connection, game_id)
        new = sorted(names - known.keys())
        if new and len(known) + len(new) <= SERVICES_PER_GAME:
            await connection.execute(sql.ADD_SERVICES, {"game": game_id, "names": words(new), "now": now})
            known = await self._load(connection, game_id)
        self._games.setdefault(game_id, {}).update(known)  # another lane may have learnt more

    @staticmethod
    async def _load(connection: AsyncConnection, game_id: int) -> dict[str, int]:
        cursor = await connection.execute(sql.LOAD_SERVICES, (game_id,))
        return dict(await cursor.fetchall())

    def knows(self, item: Named) -> bool:
        """Whether each service that the report names at all has its id here."""
        return _names(item.report) | _mentioned(item.report) <= self.of(item.game_id).keys()

    def _can_take(self, item: Named) -> bool:
        """Events of a service that nobody ever counted or opened for have nothing to act on."""
        return _names(item.report) <= self.of(item.game_id).keys()

    @staticmethod
    def _refuse(item: Named) -> Literal[False]:
        detail = f"A game has at most {SERVICES_PER_GAME} services; are names made at run time?"
        item.refuse(WireError("too-many-services", detail, "$.services"))
        return False


def _names(report: Report) -> set[str]:
    return {service.name for service in report.services} | {event.service for event in report.opened}


def _mentioned(report: Report) -> set[str]:
    """Services of events that act on what is there: no service is made for them."""
    return {event.service for events in (report.closed, report.changed, report.profiles) for event in events}
