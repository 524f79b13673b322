"""Makes samples of the registry's current state, and drops what is too old. Their cost does not grow with reports."""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import connection, transaction

SAMPLE_INTERVAL: Final = 10.0  # seconds
RETENTION: Final = timedelta(hours=3)

# `ON CONFLICT DO NOTHING`: two workers that make the same tick's sample make it once.
SAMPLE_SERVICES: Final[LiteralString] = """
    INSERT INTO telemetry_servicesample
        (game_id, at, service_id, servers, live, opened, closed, idle, orphaned, stale)
    SELECT s.game_id, %(at)s, u.service_id, count(*), sum(u.live), sum(u.opened), sum(u.closed), sum(u.idle),
           sum(u.orphaned), sum(u.stale)
    FROM registry_serverstate s,
         unnest(s.service_ids, s.live, s.opened, s.closed, s.idle, s.orphaned, s.stale)
         AS u(service_id, live, opened, closed, idle, orphaned, stale)
    WHERE s.due_at > %(now)s AND NOT s.superseded
    GROUP BY s.game_id, u.service_id
    ON CONFLICT DO NOTHING
"""
SAMPLE_GAMES: Final[LiteralString] = """
    INSERT INTO telemetry_gamesample (game_id, at, servers, players, memory_mb, pool_hits, pool_misses)
    SELECT s.game_id, %(at)s, count(*), sum(s.players), coalesce(sum(s.memory_mb), 0),
           coalesce(sum((SELECT sum(n) FROM unnest(s.pool_hits) n)), 0),
           coalesce(sum((SELECT sum(n) FROM unnest(s.pool_misses) n)), 0)
    FROM registry_serverstate s
    WHERE s.due_at > %(now)s AND NOT s.superseded
    GROUP BY s.game_id
    ON CONFLICT DO NOTHING
"""
DROP_OLD: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM telemetry_servicesample WHERE at < %s",
    "DELETE FROM telemetry_gamesample WHERE at < %s",
)


def tick_of(now: datetime) -> datetime:
    """The moment that a sample made at `now` stands for: the last full SAMPLE_INTERVAL."""
    seconds = now.timestamp()
    return datetime.fromtimestamp(seconds - seconds % SAMPLE_INTERVAL, tz=now.tzinfo)


def make_samples(*, now: datetime) -> int:
    """One sample of every reporting service and game, stamped with the tick of `now`; returns the rows made."""
    values = {"at": tick_of(now), "now": now}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SAMPLE_SERVICES, values)
        made: int = cursor.rowcount
        cursor.execute(SAMPLE_GAMES, values)
        made += cursor.rowcount
    return made


def drop_old_samples(*, now: datetime) -> None:
    """Deletes samples older than RETENTION."""
    with connection.cursor() as cursor:
        for statement in DROP_OLD:
            cursor.execute(statement, [now - RETENTION])
