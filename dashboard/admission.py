"""Whether a live socket's session may watch a game, at the start and again while it lasts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from channels.db import database_sync_to_async
from django.utils import timezone
from msgspec import Struct

from dashboard.queries import games

RECHECK: Final = 2.0  # seconds after which all of a process's sockets are looked at again, in one query
LOG_IN: Final = 4401
NOT_A_MEMBER: Final = 4403
NO_SUCH_PAGE: Final = 4404

TurnOut = Callable[[int], Awaitable[None]]
_log = logging.getLogger("connmon.live")


class Ticket(Struct, frozen=True):
    """An admitted socket: whose it is, through which session, and of which game."""

    user_id: int
    game_id: int
    session_key: str


async def admit(scope: dict[str, Any], *, slug: str) -> Ticket | int:
    """A ticket, or the code to close with."""
    user = scope["user"]
    session_key = scope["session"].session_key
    if not user.is_authenticated or session_key is None:
        return LOG_IN
    game_id = await database_sync_to_async(games.find_game_of_member)(user_id=user.pk, slug=slug)
    if game_id is None:
        return NOT_A_MEMBER
    return Ticket(user_id=user.pk, game_id=game_id, session_key=session_key)


class Doorkeeper:
    """Turns out, one per process, whoever has logged out or is no longer a member: one query for all its sockets."""

    def __init__(self) -> None:
        self._inside: dict[object, tuple[Ticket, TurnOut]] = {}
        self._task: asyncio.Task[None] | None = None

    def enter(self, socket: object, ticket: Ticket, turn_out: TurnOut) -> None:
        """From now on `turn_out` is called, once, with the code to close with if the ticket turns bad."""
        self._inside[socket] = (ticket, turn_out)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="doorkeeper")

    def leave(self, socket: object) -> None:
        self._inside.pop(socket, None)

    async def step(self, *, now: datetime) -> bool:
        """One look at everybody; whether anybody was turned out."""
        watched = list(self._inside.items())
        codes = await _recheck([ticket for _, (ticket, _) in watched], now)
        refused = [(socket, entry, code) for (socket, entry), code in zip(watched, codes, strict=True) if code]
        for socket, (_, turn_out), code in refused:
            self.leave(socket)
            await turn_out(code)
        return bool(refused)

    async def _run(self) -> None:
        while self._inside:
            await asyncio.sleep(RECHECK)
            try:
                await self.step(now=timezone.now())
            except Exception as error:  # no database: nothing new is read from it either
                _log.warning("live sockets are not looked at: %s", error)


doorkeeper: Final = Doorkeeper()


async def _recheck(tickets: list[Ticket], now: datetime) -> list[int]:
    codes: list[int] = await database_sync_to_async(_codes, thread_sensitive=False)(tickets, now)
    return codes


def _codes(tickets: list[Ticket], now: datetime) -> list[int]:
    standings = games.standings([(one.user_id, one.game_id, one.session_key) for one in tickets], now=now)
    return [_code(standing) for standing in standings]


def _code(standing: games.Standing) -> int:
    if not standing.has_session:
        return LOG_IN
    return 0 if standing.is_member else NOT_A_MEMBER
