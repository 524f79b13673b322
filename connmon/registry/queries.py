"""Reads of the registry. A server runs until its boot ends, reports as long as its lease holds, and else is silent."""

from datetime import datetime
from typing import Any, Final, LiteralString

from django.db import connection

# A few thousand short arrays, unnested side by side, are summed faster than rows per service could be kept. Sums of
# what games send may pass what a bigint holds.
SERVICES: Final[LiteralString] = """
    WITH counted AS (
        SELECT u.service_id, count(*) AS servers, sum(u.live) AS live, sum(u.opened) AS opened,
               sum(u.closed) AS closed, sum(u.idle) AS idle, sum(u.orphaned) AS orphaned, sum(u.stale) AS stale
        FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id,
             unnest(s.service_ids, s.live, s.opened, s.closed, s.idle, s.orphaned, s.stale)
             AS u(service_id, live, opened, closed, idle, orphaned, stale)
        WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s
        GROUP BY u.service_id
    )
    SELECT v.id, v.name, coalesce(c.servers, 0), coalesce(c.live, 0)::bigint,
           least(coalesce(c.opened, 0), 9223372036854775807)::bigint,
           least(coalesce(c.closed, 0), 9223372036854775807)::bigint,
           coalesce(c.idle, 0)::bigint, coalesce(c.orphaned, 0)::bigint,
           coalesce(c.stale, 0)::bigint
    FROM registry_service v LEFT JOIN counted c ON c.service_id = v.id
    WHERE v.game_id = %(game)s ORDER BY v.name
"""
SERVICE_FIELDS: Final = ("id", "name", "servers", "live", "opened", "closed", "idle", "orphaned", "stale")

SERVERS: Final[LiteralString] = """
    SELECT g.id::text, g.name, g.boot, g.agent, g.place_version, s.due_at > %(now)s, s.received_at, s.last_seq,
           s.players, s.memory_mb, (SELECT coalesce(sum(n), 0) FROM unnest(s.live) n)::bigint
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL ORDER BY g.name
"""
SERVER_FIELDS: Final = (
    "id", "name", "boot", "agent", "place_version", "reporting", "received_at", "seq", "players", "memory_mb", "live",
)  # fmt: skip


def list_services(game_id: int, *, now: datetime) -> list[dict[str, Any]]:
    """Every service of a game by name, counters summed over the servers that report at `now` (SERVICE_FIELDS)."""
    return _rows(SERVICES, SERVICE_FIELDS, game=game_id, now=now)


def list_servers(game_id: int, *, now: datetime) -> list[dict[str, Any]]:
    """Every running server of a game by name (SERVER_FIELDS)."""
    return _rows(SERVERS, SERVER_FIELDS, game=game_id, now=now)


def _rows(statement: LiteralString, fields: tuple[str, ...], **values: int | datetime) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [dict(zip(fields, row, strict=True)) for row in cursor.fetchall()]
