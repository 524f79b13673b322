"""One server of a game: who and how it is, its services, pools and orders."""

from datetime import datetime
from typing import Final

from django.urls import reverse
from msgspec import Struct

from connmon.core.errors import NotFound
from connmon.registry.models import GameServer
from dashboard.queries.fetch import fetch
from dashboard.queries.servers import STATUS, ServerStatus

ORDERS_MAX: Final = 20  # the newest
NO_SERVER: Final = "This server does not exist. Look for it in the list of servers."


class ServerHead(Struct, frozen=True):
    """Who a server is and how it is; `clock_skew` = seconds its clock is ahead of ours."""

    id: str
    name: str
    boot: str
    agent: str
    place_id: int | None
    place_version: int | None
    first_seen_at: datetime
    ended_at: datetime | None
    status: ServerStatus
    received_at: datetime
    due_at: datetime
    players: int
    memory_mb: float | None
    signals_mb: float | None
    clock_skew: float
    dropped: int
    last_seq: int


class ServerService(Struct, frozen=True):
    """One service on this server; opened and closed since its boot."""

    id: int
    name: str
    live: int
    opened: int
    closed: int
    idle: int
    orphaned: int
    stale: int


class ServerPool(Struct, frozen=True):
    """One pool on this server; hits and misses since its boot, reuse = hits / (hits + misses)."""

    id: str
    size: int
    in_use: int
    hits: int
    misses: int
    reuse: float | None


class ServerTotals(Struct, frozen=True):
    """A server's connections over all its services."""

    live: int
    opened: int
    closed: int
    idle: int
    orphaned: int
    stale: int


class ServerOrder(Struct, frozen=True):
    """One order to a server: its state, and what became of the connections that it named.

    `href`: what became of each of them, on the plan's page of the server.
    """

    id: str
    plan: int
    href: str
    state: str
    created_at: datetime
    ordered: int
    closed: int
    gone: int
    changed: int
    failed: int
    detail: str


class ServerPage(Struct, frozen=True):
    """One server: who and how it is, its services, its pools and its newest orders."""

    server: ServerHead
    totals: ServerTotals
    services: list[ServerService]
    pools: list[ServerPool]
    orders: list[ServerOrder]


HEAD = f"""
SELECT server.id::text, server.name, server.boot, server.agent, server.place_id, server.place_version,
       server.first_seen_at, server.ended_at, {STATUS}, state.received_at, state.due_at, state.players,
       state.memory_mb, state.signals_mb, state.clock_skew, state.dropped, state.last_seq
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
WHERE server.game_id = %(game)s AND server.id = %(server)s
"""  # joined from constants only

# The counters stand in parallel arrays: unnest them side by side.
SERVICES_OF_SERVER = """
SELECT service.id, service.name, each.live, each.opened, each.closed, each.idle, each.orphaned, each.stale
FROM registry_serverstate AS state
CROSS JOIN LATERAL unnest(
    state.service_ids, state.live, state.opened, state.closed, state.idle, state.orphaned, state.stale
) AS each(service_id, live, opened, closed, idle, orphaned, stale)
JOIN registry_service AS service ON service.id = each.service_id
WHERE state.server_id = %(server)s
ORDER BY each.orphaned DESC, each.live DESC, service.name
"""

POOLS_OF_SERVER = """
SELECT pool.type, pool.size, pool.in_use, pool.hits, pool.misses,
       pool.hits::float8 / nullif(pool.hits + pool.misses, 0)
FROM registry_serverstate AS state
CROSS JOIN LATERAL unnest(
    state.pool_types, state.pool_size, state.pool_in_use, state.pool_hits, state.pool_misses
) AS pool(type, size, in_use, hits, misses)
WHERE state.server_id = %(server)s
ORDER BY pool.type
"""


# Sorted by the index orders_of_a_server; the arrays stay where they are but for their lengths.
ORDERS_OF_SERVER = """
SELECT game.slug, cleanup_order.server_id, cleanup_order.id, plan.id, cleanup_order.state, cleanup_order.created_at,
       cardinality(connection_ids), cardinality(closed), cardinality(gone), cardinality(changed), failed,
       cleanup_order.detail
FROM cleanup_order
JOIN cleanup_plan AS plan ON plan.id = cleanup_order.plan_id
JOIN accounts_game AS game ON game.id = plan.game_id
WHERE cleanup_order.server_id = %(server)s AND plan.game_id = %(game)s
ORDER BY cleanup_order.created_at DESC, cleanup_order.id
LIMIT %(limit)s
"""


def require_server(game_id: int, server_id: int) -> None:
    """Raises NotFound unless the server is the game's."""
    find_server_name(game_id, server_id)


def find_server_name(game_id: int, server_id: int) -> str:
    """The name of one boot of a server of this game, or NotFound."""
    name = GameServer.objects.filter(game_id=game_id, pk=server_id).values_list("name", flat=True).first()
    if name is None:
        raise NotFound(NO_SERVER)
    return name


def server_page(game_id: int, server_id: int, *, now: datetime) -> ServerPage:
    """One server of this game, running or ended, or NotFound."""
    heads = fetch(ServerHead, HEAD, {"game": game_id, "server": server_id, "now": now})
    if not heads:
        raise NotFound(NO_SERVER)
    services = fetch(ServerService, SERVICES_OF_SERVER, {"server": server_id})
    totals = ServerTotals(
        live=sum(row.live for row in services),
        opened=sum(row.opened for row in services),
        closed=sum(row.closed for row in services),
        idle=sum(row.idle for row in services),
        orphaned=sum(row.orphaned for row in services),
        stale=sum(row.stale for row in services),
    )
    pools = fetch(ServerPool, POOLS_OF_SERVER, {"server": server_id})
    return ServerPage(
        server=heads[0], totals=totals, services=services, pools=pools, orders=_orders(game_id, server_id)
    )


def _orders(game_id: int, server_id: int) -> list[ServerOrder]:
    """The newest ORDERS_MAX."""
    return fetch(_order, ORDERS_OF_SERVER, {"game": game_id, "server": server_id, "limit": ORDERS_MAX})


def _order(slug: str, server_id: int, id: str, plan: int, *values: object) -> ServerOrder:
    href = reverse("plan-server", kwargs={"slug": slug, "plan_id": plan, "server_id": server_id})
    return ServerOrder(id, plan, href, *values)  # type: ignore[arg-type]
