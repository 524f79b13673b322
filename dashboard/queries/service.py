"""One service of a game: its sums, the servers and the place versions that run it."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from django.db.models import Min
from msgspec import Struct

from connmon.core.errors import NotFound
from connmon.registry.models import Service
from connmon.telemetry.models import PlaceVersion
from dashboard.queries.fetch import fetch
from dashboard.queries.rates import Rates, service_rates
from dashboard.queries.services import ServiceRow, with_rates

SERVERS_MAX = 200  # the fullest come first
VERSIONS_MAX = 20  # the newest come first


class ServiceServer(Struct, frozen=True):
    """One running server's counters of one service; `id` is text because it exceeds what JavaScript counts to."""

    id: str
    name: str
    status: str
    live: int
    opened: int
    closed: int
    idle: int
    orphaned: int
    stale: int


class ServiceVersion(Struct, frozen=True):
    """One service on the reporting servers of a place version; `id` is the version, "" where servers do not say it.

    `first_at`: when the game first ran the version; None: unknown. `each`: live connections of a server, on average.
    """

    id: str
    first_at: datetime | None
    servers: int
    live: int
    each: float
    orphaned: int
    stale: int


class ServicePage(Struct, frozen=True):
    """One service: its sums, the servers that run it and the place versions of these."""

    service: ServiceRow
    servers: list[ServiceServer]
    versions: list[ServiceVersion]


class _Found(Struct, frozen=True):
    """A server with the place version that it runs, None where it does not say so."""

    version: int | None
    server: ServiceServer


SERVERS = """
SELECT server.place_version, server.id::text, server.name,
       CASE WHEN state.due_at <= %(now)s THEN 'silent' WHEN state.synced THEN 'reporting' ELSE 'resyncing' END,
       each.live, each.opened, each.closed, each.idle, each.orphaned, each.stale
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
CROSS JOIN LATERAL unnest(
    state.service_ids, state.live, state.opened, state.closed, state.idle, state.orphaned, state.stale
) AS each(service_id, live, opened, closed, idle, orphaned, stale)
WHERE server.game_id = %(game)s AND server.ended_at IS NULL AND each.service_id = %(service)s
ORDER BY state.due_at <= %(now)s, each.orphaned DESC, each.live DESC, server.name
"""


def require_service(game_id: int, service_id: int) -> None:
    """Raises NotFound unless the service is the game's."""
    find_service_name(game_id, service_id)


def find_service_name(game_id: int, service_id: int) -> str:
    """The name of a service of this game, or NotFound."""
    name = Service.objects.filter(game_id=game_id, pk=service_id).values_list("name", flat=True).first()
    if name is None:
        raise NotFound("This service does not exist. Look for it on the overview.")
    return name


def service_page(game_id: int, service_id: int, *, now: datetime) -> ServicePage:
    """One service of this game, or NotFound."""
    name = find_service_name(game_id, service_id)
    found = fetch(_found, SERVERS, {"game": game_id, "service": service_id, "now": now})
    servers = [one.server for one in found]
    rates = service_rates(game_id, now=now, service_id=service_id)
    row = with_rates(_sum_servers(service_id, name, servers), rates.get(service_id, Rates()))
    return ServicePage(service=row, servers=servers[:SERVERS_MAX], versions=_versions(game_id, found))


def _found(version: int | None, *server: object) -> _Found:
    return _Found(version, ServiceServer(*server))  # type: ignore[arg-type]


def _reporting(servers: Iterable[ServiceServer]) -> list[ServiceServer]:
    return [row for row in servers if row.status != "silent"]


def _sum_servers(service_id: int, name: str, servers: list[ServiceServer]) -> ServiceRow:
    reporting = _reporting(servers)
    return ServiceRow(
        id=service_id,
        name=name,
        servers=len(reporting),
        live=sum(row.live for row in reporting),
        idle=sum(row.idle for row in reporting),
        orphaned=sum(row.orphaned for row in reporting),
        stale=sum(row.stale for row in reporting),
        unknown=sum(row.live for row in servers if row.status == "silent"),
    )


def _versions(game_id: int, found: list[_Found]) -> list[ServiceVersion]:
    """Of reporting servers, the newest version first, what is not known last."""
    ordered = sorted(found, key=lambda one: (one.version is not None, one.version or 0), reverse=True)
    grouped = [(version, _reporting(one.server for one in of)) for version, of in groupby(ordered, lambda x: x.version)]
    shown = [(version, servers) for version, servers in grouped if servers][:VERSIONS_MAX]
    first = _first_seen(game_id, [version for version, _ in shown if version is not None])
    return [_version(version, servers, first.get(version)) for version, servers in shown]


def _version(version: int | None, servers: list[ServiceServer], first_at: datetime | None) -> ServiceVersion:
    live = sum(row.live for row in servers)
    return ServiceVersion(
        id="" if version is None else str(version),
        first_at=first_at,
        servers=len(servers),
        live=live,
        each=round(live / len(servers), 1),
        orphaned=sum(row.orphaned for row in servers),
        stale=sum(row.stale for row in servers),
    )


def _first_seen(game_id: int, versions: list[int]) -> dict[int | None, datetime]:
    """When any place of the game first ran these versions."""
    seen = PlaceVersion.objects.filter(game_id=game_id, version__in=versions)
    return dict(seen.values_list("version").annotate(Min("first_at")))
