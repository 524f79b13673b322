"""The series that are read from the database when somebody asks: of the installation, and of one game."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, LiteralString

from django.db import connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from connmon.leaks.queries import count_found, count_leaks
from connmon.registry.queries import list_services

SITE: Final[LiteralString] = """
    SELECT (SELECT count(*) FROM accounts_game),
           (SELECT count(*) FROM registry_orderoutcome WHERE settled_at IS NULL),
           (SELECT count(*) FROM cleanup_order WHERE state IN ('pending', 'sent')),
           (SELECT count(*) FROM alerts_delivery WHERE state = 'pending'),
           (SELECT count(*) FROM alerts_delivery WHERE state = 'dead'),
           pg_database_size(current_database())
"""
SITE_GAUGES: Final = (
    ("connmon_games", "Games."),
    ("connmon_outcomes_unsettled", "Outcomes of orders that are committed and not yet evaluated."),
    ("connmon_orders_open", "Cleanup orders on their way or without an outcome yet."),
    ("connmon_alert_messages_waiting", "Messages of alerts that wait to be delivered."),
    ("connmon_alert_messages_dead", "Messages of alerts that were given up."),
    ("connmon_database_bytes", "Size of the database."),
)
SERVERS: Final[LiteralString] = """
    SELECT count(*) FILTER (WHERE s.due_at > %(now)s), count(*) FILTER (WHERE s.due_at <= %(now)s),
           coalesce(sum(s.players) FILTER (WHERE s.due_at > %(now)s), 0),
           coalesce(sum(s.memory_mb) FILTER (WHERE s.due_at > %(now)s), 0)
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL
"""
POOLS: Final[LiteralString] = """
    SELECT p.type, sum(p.size), sum(p.in_use), sum(p.hits), sum(p.misses)
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id,
         unnest(s.pool_types, s.pool_size, s.pool_in_use, s.pool_hits, s.pool_misses)
         AS p(type, size, in_use, hits, misses)
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s
    GROUP BY p.type ORDER BY p.type
"""
SERVICE_SERIES: Final = (
    ("live", "Connections that are live, by service, over the servers that report."),
    ("idle", "Live connections whose callback has not run for long."),
    ("orphaned", "Live connections whose owner is gone."),
    ("stale", "Live connections that are stale."),
    ("opened", "Connections opened since boot, over the servers that report: a server that ends takes its own along."),
    ("closed", "Connections closed since boot, over the servers that report."),
)


def site_families() -> Iterator[Metric]:
    """The installation as a whole; nothing of any one game."""
    with connection.cursor() as cursor:
        cursor.execute(SITE)
        values = cursor.fetchone()
    for (name, about), value in zip(SITE_GAUGES, values, strict=True):
        yield GaugeMetricFamily(name, about, value=float(value))
    about = "Leaks that were found in all games, each again when it came back."
    yield CounterMetricFamily("connmon_all_leaks_found", about, value=count_found(None))


def game_families(game_id: int, *, now: datetime) -> Iterator[Metric]:
    """One game, over the servers that report at `now`."""
    reporting, silent, players, memory = _row(SERVERS, game_id, now)
    servers = GaugeMetricFamily("connmon_servers", "Running servers by state.", labels=["state"])
    servers.add_metric(["reporting"], reporting)
    servers.add_metric(["silent"], silent)
    yield servers
    yield GaugeMetricFamily("connmon_players", "Players on the servers that report.", value=float(players))
    yield GaugeMetricFamily("connmon_memory_megabytes", "Memory of the servers that report.", value=float(memory))
    yield from _services(game_id, now)
    yield from _pools(game_id, now)
    yield from _leaks(game_id, now)


def _services(game_id: int, now: datetime) -> Iterable[Metric]:
    rows = list_services(game_id, now=now)
    for field, about in SERVICE_SERIES:
        family = GaugeMetricFamily(f"connmon_connections_{field}", about, labels=["service"])
        for row in rows:
            family.add_metric([row["name"]], row[field])
        yield family


def _pools(game_id: int, now: datetime) -> Iterable[Metric]:
    families = [
        GaugeMetricFamily("connmon_pool_size", "Slots of connection pools, by type.", labels=["type"]),
        GaugeMetricFamily("connmon_pool_in_use", "Slots in use.", labels=["type"]),
        GaugeMetricFamily("connmon_pool_hits", "Uses that a pool served.", labels=["type"]),
        GaugeMetricFamily("connmon_pool_misses", "Uses that found no slot.", labels=["type"]),
    ]
    with connection.cursor() as cursor:
        cursor.execute(POOLS, {"game": game_id, "now": now})
        for kind, *values in cursor.fetchall():
            for family, value in zip(families, values, strict=True):
                family.add_metric([kind], float(value))
    return families


def _leaks(game_id: int, now: datetime) -> Iterable[Metric]:
    active = GaugeMetricFamily("connmon_leaks", "Leaks that were found within ten minutes, by rung.", labels=["rung"])
    for rung, count in count_leaks(game_id, now=now).items():
        active.add_metric([rung], count)
    about = "Leaks that were found, each again when it came back."
    return active, CounterMetricFamily("connmon_leaks_found", about, value=count_found(game_id))


def _row(statement: LiteralString, game_id: int, now: datetime) -> tuple[float, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"game": game_id, "now": now})
        return tuple(map(float, cursor.fetchone()))
