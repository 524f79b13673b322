"""A game with many servers and sites, written by PostgreSQL itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.db import connection

from connmon.accounts.models import Game
from connmon.leaks.models import Origin
from connmon.registry.models import Service

SITES: Final = 50  # of each server
EACH: Final = 4  # connections of a site on a server
LEAKING: Final = 3  # sites that hold LEAKED more, opened evenly over three hours
LEAKED: Final = 120
TICKS: Final = 180  # minutes of history
TICKED: Final = 1_000  # servers that leak and have history, at most: a look reads that of 12 servers a site

SERVERS: Final[LiteralString] = """
    INSERT INTO registry_gameserver (id, game_id, name, boot, agent, place_version, first_seen_at)
    SELECT n, %(game)s, 'server-' || n, 'boot', 'bench', 142, %(booted)s FROM generate_series(1, %(servers)s) n
"""
STATES: Final[LiteralString] = """
    INSERT INTO registry_serverstate
        (server_id, game_id, last_seq, last_digest, snapshot, snapshot_part, synced, superseded, received_at, due_at,
         clock_skew, players, config_revision, dropped, service_ids, live, opened, closed, idle, orphaned, stale,
         pool_types, pool_size, pool_in_use, pool_hits, pool_misses)
    SELECT n, %(game)s, 1, 1, 0, 0, true, false, %(now)s, %(now)s::timestamptz + interval '1 day', 0, 20, 0, 0,
           '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'
    FROM generate_series(1, %(servers)s) n
"""
CONNECTIONS: Final[LiteralString] = """
    INSERT INTO registry_connection (server_id, service_id, connection_id, opened_at, state, owner_kind, snapshot,
                                     essential, owner, name, type, site)
    SELECT n, %(service)s, %(first)s + k, %(at)s - k * %(apart)s, 0, %(kind)s, 0, false,
           CASE WHEN %(kind)s = 2 THEN 'player:' || k ELSE 'service:Bench' END, 'c', 'Heartbeat', %(site)s
    FROM generate_series(1, %(servers)s) n, generate_series(1, %(count)s) k
"""
HISTORY: Final[LiteralString] = """
    INSERT INTO leaks_tick (server_id, at, players, origin_ids, live, owners)
    SELECT n, %(now)s::timestamptz - make_interval(mins => m), 20, %(origins)s,
           (SELECT array_agg(CASE WHEN place <= %(leaking)s THEN %(leaked)s - m * 60 / 90 ELSE 4 END)
            FROM generate_series(1, cardinality(%(origins)s::int[])) place),
           array_fill(4, ARRAY[cardinality(%(origins)s::int[])])
    FROM generate_series(1, %(ticked)s) n, generate_series(1, %(ticks)s) m
"""


def connections(servers: int) -> int:
    """How many `fill` registers."""
    return servers * SITES * EACH + min(servers, TICKED) * LEAKING * LEAKED


def fill(servers: int, *, now: datetime) -> Game:
    """SITES sites on each server, half of players; LEAKING of them leak on TICKED servers, whose history is known."""
    game = Game.objects.create(name="Bench", slug="bench", report_interval=10, created_at=now)
    values = {"game": game.pk, "servers": servers, "now": now, "booted": now - timedelta(hours=3)}
    _run(SERVERS, values)
    _run(STATES, values)
    origins = [_fill_site(game, place, servers, now) for place in range(SITES)]
    history = {"origins": origins, "leaking": LEAKING, "leaked": LEAKED, "ticks": TICKS}
    _run(HISTORY, values | history | {"ticked": min(servers, TICKED)})
    for table in ("registry_connection", "leaks_tick", "registry_serverstate"):
        _run(f"VACUUM ANALYZE {table}", {})
    return game


def _fill_site(game: Game, place: int, servers: int, now: datetime) -> int:
    service = Service.objects.create(game=game, name=f"Service{place}", first_seen_at=now)
    origin = Origin.objects.create(game=game, service=service, type="Heartbeat", site=f"Script:{place}", seen_at=now)
    about = {"service": service.pk, "site": origin.site, "servers": servers, "at": now.timestamp(), "first": 0}
    _run(CONNECTIONS, about | {"count": EACH, "apart": 60.0, "kind": 2 if place >= SITES // 2 else 0})
    if place < LEAKING:
        leak = {"first": 1_000, "count": LEAKED, "apart": 90.0, "kind": 0, "servers": min(servers, TICKED)}
        _run(CONNECTIONS, about | leak)
        Origin.objects.filter(pk=origin.pk).update(grows_since=now - timedelta(hours=1), growth_seen_at=now)
    return origin.pk


def _run(statement: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
