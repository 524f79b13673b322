"""Whether a live socket's session may watch a game, at the start and again while it lasts."""

from typing import Any, Final

from channels.db import database_sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from msgspec import Struct

from dashboard.queries import games

LOG_IN: Final = 4401
NOT_A_MEMBER: Final = 4403
NO_SUCH_PAGE: Final = 4404


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


async def recheck(ticket: Ticket) -> int:
    """0 while the ticket is good, or the code to close with: logged out, or no longer a member."""
    code: int = await database_sync_to_async(_recheck)(ticket)
    return code


def _recheck(ticket: Ticket) -> int:
    if not SessionStore().exists(ticket.session_key):
        return LOG_IN
    if not games.is_member(user_id=ticket.user_id, game_id=ticket.game_id):
        return NOT_A_MEMBER
    return 0
