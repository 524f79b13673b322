"""A game as a whole: the overview."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from dashboard.queries.alerts import AlertRow, alert_strip
from dashboard.queries.fetch import fetch
from dashboard.queries.rates import Rates, service_rates
from dashboard.verdict import Fleet, Verdict, judge

SERVICES_MAX = 500  # rows of the services table; the largest known games have about 200 services


class ServiceRow(Struct, frozen=True):
    """One service over all running servers; rates are per second over the last minute, None while unknown."""

    id: int
    name: str
    servers: int
    live: int
    idle: int
    orphaned: int
    stale: int
    unknown: int
    opened_rate: float | None = None
    closed_rate: float | None = None


class Totals(Struct, frozen=True):
    """A game over its reporting servers; memory in megabytes, pool reuse as a share 0..1."""

    reporting: int
    silent: int
    syncing: int
    players: int
    memory_mb: float | None
    pool_reuse: float | None
    live: int
    idle: int
    orphaned: int
    stale: int
    unknown: int
    opened_rate: float | None
    closed_rate: float | None


class Overview(Struct, frozen=True):
    """Everything the overview shows that changes."""

    verdict: Verdict
    totals: Totals
    alerts: list[AlertRow]
    services: list[ServiceRow]


class FleetSums(Struct, frozen=True):
    """A game's running servers; counters are of reporting ones, `unknown` = live connections of silent ones."""

    ever: bool
    reporting: int
    silent: int
    syncing: int
    players: int
    memory_mb: float | None
    live: int
    idle: int
    orphaned: int
    stale: int
    unknown: int
    hits: int
    misses: int


# Array sums inside the database: one narrow row a server comes out of the table and one row a game out of the query.
FLEET = """
SELECT EXISTS (SELECT 1 FROM registry_gameserver WHERE game_id = %(game)s),
       count(*) FILTER (WHERE state.due_at > %(now)s),
       count(*) FILTER (WHERE state.due_at <= %(now)s),
       count(*) FILTER (WHERE state.due_at > %(now)s AND NOT state.synced),
       coalesce(sum(state.players) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       sum(state.memory_mb) FILTER (WHERE state.due_at > %(now)s),
       coalesce(sum(counter.live) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       coalesce(sum(counter.idle) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       coalesce(sum(counter.orphaned) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       coalesce(sum(counter.stale) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       coalesce(sum(counter.live) FILTER (WHERE state.due_at <= %(now)s), 0)::bigint,
       coalesce(sum(pool.hits) FILTER (WHERE state.due_at > %(now)s), 0)::bigint,
       coalesce(sum(pool.misses) FILTER (WHERE state.due_at > %(now)s), 0)::bigint
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
LEFT JOIN LATERAL (
    SELECT sum(live) AS live, sum(idle) AS idle, sum(orphaned) AS orphaned, sum(stale) AS stale
    FROM unnest(state.live, state.idle, state.orphaned, state.stale) AS counters(live, idle, orphaned, stale)
) AS counter ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(hits) AS hits, sum(misses) AS misses
    FROM unnest(state.pool_hits, state.pool_misses) AS pools(hits, misses)
) AS pool ON TRUE
WHERE server.game_id = %(game)s AND server.ended_at IS NULL
"""

# The counters stand in parallel arrays, one row a server: unnest them side by side, then sum by service.
SERVICES = """
SELECT service.id, service.name,
       count(*) FILTER (WHERE counters.reporting),
       coalesce(sum(counters.live) FILTER (WHERE counters.reporting), 0)::bigint,
       coalesce(sum(counters.idle) FILTER (WHERE counters.reporting), 0)::bigint,
       coalesce(sum(counters.orphaned) FILTER (WHERE counters.reporting), 0)::bigint,
       coalesce(sum(counters.stale) FILTER (WHERE counters.reporting), 0)::bigint,
       coalesce(sum(counters.live) FILTER (WHERE NOT counters.reporting), 0)::bigint
FROM (
    SELECT each.service_id, state.due_at > %(now)s AS reporting, each.live, each.idle, each.orphaned, each.stale
    FROM registry_gameserver AS server
    JOIN registry_serverstate AS state ON state.server_id = server.id
    CROSS JOIN LATERAL unnest(state.service_ids, state.live, state.idle, state.orphaned, state.stale)
        AS each(service_id, live, idle, orphaned, stale)
    WHERE server.game_id = %(game)s AND server.ended_at IS NULL
) AS counters
JOIN registry_service AS service ON service.id = counters.service_id
GROUP BY service.id
ORDER BY 6 DESC, 4 DESC, service.name
LIMIT %(limit)s
"""


def fleet_sums(game_id: int, *, now: datetime) -> FleetSums:
    return fetch(FleetSums, FLEET, {"game": game_id, "now": now})[0]


def overview(game_id: int, *, now: datetime) -> Overview:
    """The verdict, the totals and every service, those with orphaned connections first."""
    fleet = fleet_sums(game_id, now=now)
    counters = fetch(ServiceRow, SERVICES, {"game": game_id, "now": now, "limit": SERVICES_MAX})
    rates = service_rates(game_id, now=now)
    return overview_of(fleet, counters, rates, alert_strip(game_id, now=now))


def overview_of(
    fleet: FleetSums, counters: list[ServiceRow], rates: Mapping[int, Rates], alerts: list[AlertRow]
) -> Overview:
    """The overview of these figures."""
    verdict = judge(
        Fleet(
            ever=fleet.ever,
            reporting=fleet.reporting,
            silent=fleet.silent,
            unknown=fleet.unknown,
            orphaned=fleet.orphaned,
            stale=fleet.stale,
        ),
        [(row.name, row.orphaned) for row in counters],
    )
    services = [with_rates(row, rates.get(row.id, Rates())) for row in counters]
    return Overview(verdict=verdict, totals=_totals(fleet, rates), alerts=alerts, services=services)


def with_rates(row: ServiceRow, rates: Rates) -> ServiceRow:
    return replace(row, opened_rate=rates.opened, closed_rate=rates.closed)


def _totals(fleet: FleetSums, rates: Mapping[int, Rates]) -> Totals:
    opened = [rate.opened for rate in rates.values() if rate.opened is not None]
    closed = [rate.closed for rate in rates.values() if rate.closed is not None]
    handed_out = fleet.hits + fleet.misses
    return Totals(
        reporting=fleet.reporting,
        silent=fleet.silent,
        syncing=fleet.syncing,
        players=fleet.players,
        memory_mb=fleet.memory_mb,
        pool_reuse=fleet.hits / handed_out if handed_out else None,
        live=fleet.live,
        idle=fleet.idle,
        orphaned=fleet.orphaned,
        stale=fleet.stale,
        unknown=fleet.unknown,
        opened_rate=sum(opened) if opened else None,
        closed_rate=sum(closed) if closed else None,
    )
