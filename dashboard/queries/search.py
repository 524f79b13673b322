"""The search over everything of a game: services, servers, leaks, owners. Bounded in rows and in time."""

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.urls import reverse
from msgspec import Struct

from connmon.accounts.models import Game
from connmon.leaks.models import Leak
from connmon.registry.models import GameServer, Service
from dashboard.queries.fetch import fetch, like

EACH: Final = 6  # results of a kind
LEAST: Final = 2  # characters; one finds everything
OWNERS_TIME: Final = "400ms"  # owners stand in the registry itself, which may hold a million connections


class Found(Struct, frozen=True):
    """One result: where it leads, what it is called, and a word about it."""

    kind: str
    name: str
    note: str
    href: str


class SearchResult(Struct, frozen=True):
    """`complete` False: owners took too long to look for, the rest is whole."""

    results: list[Found]
    complete: bool = True


class _Owner(Struct, frozen=True):
    owner: str
    service_id: int
    service: str
    connections: int


# A service's connections of an owner, from the rows that are found first; a busy owner fills them alone.
OWNERS = """
SELECT found.owner, service.id, service.name, count(*)
FROM (
    SELECT connection.owner, connection.service_id
    FROM registry_gameserver AS server
    JOIN registry_connection AS connection ON connection.server_id = server.id
    WHERE server.game_id = %(game)s AND server.ended_at IS NULL AND connection.owner ILIKE %(like)s
    LIMIT 500
) AS found
JOIN registry_service AS service ON service.id = found.service_id
GROUP BY found.owner, service.id
ORDER BY count(*) DESC, found.owner, service.name
LIMIT %(limit)s
"""


def search(game: Game, text: str, *, now: datetime) -> SearchResult:
    """What has `text` in its name, at most EACH of a kind; nothing for less than LEAST characters."""
    if len(text) < LEAST:
        return SearchResult([])
    found = [*_services(game, text), *_servers(game, text, now), *_leaks(game, text)]
    owners = _owners(game, text)
    return SearchResult([*found, *(owners or [])], complete=owners is not None)


def _services(game: Game, text: str) -> list[Found]:
    services = Service.objects.filter(game=game, name__icontains=text).order_by("name")[:EACH]
    return [Found("Service", one.name, "", _address(game, "service", service_id=one.pk)) for one in services]


def _servers(game: Game, text: str, now: datetime) -> list[Found]:
    """Running ones first, then those that were seen last."""
    servers = GameServer.objects.filter(game=game, name__icontains=text)
    running = list(servers.filter(ended_at=None).order_by("name")[:EACH])
    ended = list(servers.filter(ended_at__lte=now).order_by("-ended_at")[: EACH - len(running)])
    return [
        Found("Server", one.name, "ended" if one.ended_at else "", _address(game, "server", server_id=one.pk))
        for one in (*running, *ended)
    ]


def _leaks(game: Game, text: str) -> list[Found]:
    named = Q(origin__site__icontains=text) | Q(origin__type__icontains=text) | Q(origin__service__name__icontains=text)
    leaks = Leak.objects.filter(named, game=game).select_related("origin").order_by("-last_seen_at")[:EACH]
    return [
        Found("Leak", one.origin.site or one.origin.type, one.state, _address(game, "leak", number=one.pk))
        for one in leaks
    ]


def _owners(game: Game, text: str) -> list[Found] | None:
    """None if it took too long."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [OWNERS_TIME])
            rows = fetch(_Owner, OWNERS, {"game": game.pk, "like": like(text), "limit": EACH})
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    except OperationalError:
        return None
    return [_owner(game, row) for row in rows]


def _owner(game: Game, row: _Owner) -> Found:
    asked = urlencode({"q": row.owner})
    href = f"{_address(game, 'service', service_id=row.service_id)}?{asked}#registry-title"
    return Found("Owner", row.owner, f"in {row.service}", href)


def _address(game: Game, name: str, **of: int) -> str:
    return reverse(name, kwargs={"slug": game.slug, **of})
