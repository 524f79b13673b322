"""A registry as large games leave it, in one statement each: games, services, servers with their counters, time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from django.db import connection

GAMES: Final = 10
POOLS: Final = 6  # pool types of each server
MOVING: Final = 0.5  # share of servers on which something changes from one tick to the next

# Keys of servers are spread over all of bigint, as real ones are.
_KEY: Final[LiteralString] = "hashint8extended(n, 0) & 9223372036854775807"

ADD_GAMES: Final[LiteralString] = """
    INSERT INTO accounts_game (name, slug, is_demo, report_interval, created_at)
    SELECT 'Game ' || n, 'game-' || n, false, 10, now() FROM generate_series(1, %(games)s) n
"""
ADD_SERVICES: Final[LiteralString] = """
    INSERT INTO registry_service (game_id, name, first_seen_at)
    SELECT g.id, 'Service' || n, now() FROM accounts_game g, generate_series(1, %(services)s) n ORDER BY g.id, n
"""
ADD_SERVERS: Final[LiteralString] = f"""
    INSERT INTO registry_gameserver (id, game_id, name, boot, agent, place_id, place_version, first_seen_at)
    SELECT {_KEY}, g.ids[n %% %(games)s + 1], 'server-' || n, 'boot', 'bench', 1, 1, now()
    FROM generate_series(1, %(servers)s) n, (SELECT array_agg(id ORDER BY id) AS ids FROM accounts_game) g
"""
# A few hundred connections each, a tenth of them idle, few orphaned or stale: on some servers only.
ADD_STATES: Final[LiteralString] = f"""
    INSERT INTO registry_serverstate
        (server_id, game_id, last_seq, last_digest, snapshot, snapshot_part, synced, superseded, received_at, due_at,
         clock_skew, players, memory_mb, signals_mb, config_revision, dropped,
         service_ids, live, opened, closed, idle, orphaned, stale,
         pool_types, pool_size, pool_in_use, pool_hits, pool_misses)
    SELECT {_KEY}, g.id, 1, 1, 1, 0, true, false, %(now)s, %(now)s + interval '1 year',
           0, 5 + n %% 40, 600 + random() * 900, 10 + random() * 5, 1, 0,
           u.ids, u.live, u.opened, u.closed, u.idle, u.orphaned, u.stale,
           p.types, p.size, p.in_use, p.hits, p.misses
    FROM generate_series(1, %(servers)s) n
         JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM accounts_game) g
         ON g.place = n %% %(games)s,
         LATERAL (
            SELECT array_agg(id) AS ids, array_agg((5 + random() * 200)::int) AS live,
                   array_agg((random() * 100000)::bigint) AS opened, array_agg((random() * 100000)::bigint) AS closed,
                   array_agg((random() * 20)::int) AS idle,
                   array_agg(CASE WHEN place %% 4 = 0 AND random() < 0.1 THEN 3 ELSE 0 END) AS orphaned,
                   array_agg(CASE WHEN place %% 10 = 0 AND random() < 0.1 THEN 1 ELSE 0 END) AS stale
            FROM (SELECT v.id, n AS place FROM registry_service v WHERE v.game_id = g.id ORDER BY v.id) AS v
         ) AS u,
         LATERAL (
            SELECT array_agg('Type' || t) AS types, array_agg(10) AS size, array_agg((random() * 10)::int) AS in_use,
                   array_agg((random() * 9000)::bigint) AS hits, array_agg((random() * 900)::bigint) AS misses
            FROM generate_series(1, %(pools)s + 0 * n) t
         ) AS p
"""
# Between two ticks: on MOVING of the servers a sixth of the services opened and closed a few connections.
MOVE: Final[LiteralString] = """
    UPDATE registry_serverstate s SET
        live = m.live, opened = m.opened, closed = m.closed, idle = m.idle
    FROM registry_serverstate o,
         LATERAL (
            SELECT array_agg(CASE WHEN r < 0.16 THEN GREATEST(u.live + (r * 50)::int - 4, 0) ELSE u.live END
                             ORDER BY i),
                   array_agg(CASE WHEN r < 0.16 THEN u.opened + (r * 100)::int ELSE u.opened END ORDER BY i),
                   array_agg(CASE WHEN r < 0.16 THEN u.closed + (r * 100)::int ELSE u.closed END ORDER BY i),
                   array_agg(CASE WHEN r < 0.08 THEN (r * 250)::int ELSE u.idle END ORDER BY i)
            FROM (SELECT *, random() AS r FROM unnest(o.live, o.opened, o.closed, o.idle) WITH ORDINALITY
                  AS e(live, opened, closed, idle, i)) AS u
         ) AS m(live, opened, closed, idle)
    WHERE o.server_id = s.server_id AND (s.server_id + %(turn)s) %% 100 < %(moving)s
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the registry is."""

    series: int
    services: int

    @property
    def servers(self) -> int:
        return self.series // self.services


def execute(statement: LiteralString, **values: Any) -> int:
    """Runs one statement; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def fill(size: Size, *, now: datetime) -> None:
    """GAMES games, each with `size.services` services; the servers in equal parts."""
    values = {"games": GAMES, "services": size.services, "servers": size.servers, "pools": POOLS, "now": now}
    for statement in (ADD_GAMES, ADD_SERVICES, ADD_SERVERS, ADD_STATES):
        execute(statement, **values)
    execute("VACUUM ANALYZE registry_serverstate")
    execute("ANALYZE registry_gameserver")


def move(turn: int) -> None:
    """What ten seconds of reports change."""
    execute(MOVE, turn=turn * 37, moving=int(100 * MOVING))
