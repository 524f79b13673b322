"""Games a user is a member of, their roles, and whether a setup link still works."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet
from msgspec import Struct

from connmon.accounts.models import Membership, SetupToken, User
from connmon.core import ids
from dashboard.queries.fetch import fetch


class GameCard(Struct, frozen=True):
    """One of a user's games on the home page; counts are over reporting servers."""

    slug: str
    name: str
    is_demo: bool
    role: str
    reporting: int
    silent: int
    live: int
    orphaned: int


# The counters of each server are arrays in its one state row; they are summed inside the database.
GAME_CARDS = """
SELECT game.slug, game.name, game.is_demo, member.role,
       count(state.server_id) FILTER (WHERE state.due_at > %(now)s),
       count(state.server_id) FILTER (WHERE state.due_at <= %(now)s),
       coalesce(sum(sums.live) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       coalesce(sum(sums.orphaned) FILTER (WHERE state.due_at > %(now)s), 0)::bigint
FROM accounts_membership AS member
JOIN accounts_game AS game ON game.id = member.game_id
LEFT JOIN registry_gameserver AS server ON server.game_id = game.id AND server.ended_at IS NULL
LEFT JOIN registry_serverstate AS state ON state.server_id = server.id
LEFT JOIN LATERAL (
    SELECT sum(live) AS live, sum(orphaned) AS orphaned
    FROM unnest(state.live, state.orphaned) AS counters(live, orphaned)
) AS sums ON TRUE
WHERE member.user_id = %(user)s
GROUP BY game.id, member.role
ORDER BY game.is_demo, game.name
"""


def game_cards(user_id: int, *, now: datetime) -> list[GameCard]:
    """The user's games by name, the Demo game last."""
    return fetch(GameCard, GAME_CARDS, {"user": user_id, "now": now})


def memberships(user: User) -> QuerySet[Membership]:
    """The user's memberships with their games, the Demo game last."""
    return Membership.objects.filter(user=user).select_related("game").order_by("game__is_demo", "game__name")


class Standing(Struct, frozen=True):
    """How it stands with somebody who was let in."""

    has_session: bool
    is_member: bool


# One row for each of those who are asked about, in their order.
STANDINGS = """
SELECT session.session_key IS NOT NULL, member.id IS NOT NULL
FROM unnest(%(users)s::bigint[], %(games)s::bigint[], %(sessions)s::text[]) WITH ORDINALITY
    AS asked(user_id, game_id, session_key, place)
LEFT JOIN django_session AS session
    ON session.session_key = asked.session_key AND session.expire_date > %(now)s
LEFT JOIN (
    accounts_membership AS member JOIN accounts_user AS person ON person.id = member.user_id AND person.is_active
) ON member.user_id = asked.user_id AND member.game_id = asked.game_id
ORDER BY asked.place
"""


def standings(asked: Sequence[tuple[int, int, str]], *, now: datetime) -> list[Standing]:
    """For each (user, game, session key): whether the session lives and the user is active and a member."""
    if not asked:
        return []
    users, games, sessions = zip(*asked, strict=True)
    parameters = {"users": list(users), "games": list(games), "sessions": list(sessions), "now": now}
    return fetch(Standing, STANDINGS, parameters)


def find_game_of_member(*, user_id: int, slug: str) -> int | None:
    """The game's id if the user is a member of it."""
    found = Membership.objects.filter(user_id=user_id, game__slug=slug, user__is_active=True)
    return found.values_list("game_id", flat=True).first()


def setup_is_open(token: str, *, now: datetime) -> bool:
    """Whether this setup link has been neither used nor left to expire."""
    return SetupToken.objects.filter(digest=ids.digest(token), used_at__isnull=True, expires_at__gt=now).exists()
