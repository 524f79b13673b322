"""Boots that ended long ago: their last counters go after a day, their rows when all of their history has gone."""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import connection

COUNTERS_KEPT: Final = timedelta(days=1)
BOOTS_KEPT: Final = timedelta(days=366)  # as long as the longest history by server
BATCH: Final = 1_000  # boots in one statement
MOST_BATCHES: Final = 200  # in one run, so that it ends before the next one

# Marked as superseded, too: an agent that reports after all begins a new boot with a snapshot, and the ticks of history
# (index running_states) need not pass over these.
EMPTY: Final[LiteralString] = """
    WITH ended AS (
        SELECT s.server_id FROM registry_serverstate s JOIN registry_gameserver g ON g.id = s.server_id
        WHERE g.ended_at < %(before)s AND NOT (s.superseded AND s.service_ids = '{}' AND s.pool_types = '{}')
        LIMIT %(batch)s FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE registry_serverstate s SET superseded = true,
           service_ids = '{}', live = '{}', opened = '{}', closed = '{}', idle = '{}', orphaned = '{}', stale = '{}',
           pool_types = '{}', pool_size = '{}', pool_in_use = '{}', pool_hits = '{}', pool_misses = '{}'
    FROM ended WHERE s.server_id = ended.server_id
"""
FORGET: Final[LiteralString] = """
    WITH ended AS (
        SELECT id FROM registry_gameserver WHERE ended_at < %(before)s AND NOT holds_leftovers
        LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    ), states AS (
        DELETE FROM registry_serverstate s USING ended WHERE s.server_id = ended.id
    ), events AS (
        DELETE FROM registry_serverevent e USING ended WHERE e.server_id = ended.id
    )
    DELETE FROM registry_gameserver g USING ended WHERE g.id = ended.id
"""


def drop_old_boots(*, now: datetime) -> tuple[int, int]:
    """Empties what ended a day ago and forgets what ended a year ago, of all games; how many boots of each."""
    return _in_batches(EMPTY, now - COUNTERS_KEPT), _in_batches(FORGET, now - BOOTS_KEPT)


def _in_batches(statement: LiteralString, before: datetime) -> int:
    done = 0
    with connection.cursor() as cursor:
        for _ in range(MOST_BATCHES):
            cursor.execute(statement, {"before": before, "batch": BATCH})
            done += cursor.rowcount
            if cursor.rowcount < BATCH:
                break
    return done
