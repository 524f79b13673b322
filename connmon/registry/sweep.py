"""Servers that fell silent: marked when their lease is over, ended when they stay away, their connections dropped.

No row of a connection is touched when a server is lost: that its connections are unknown follows from its lease. Every
statement here may run twice at once; what one took the other skips.
"""

from datetime import datetime
from typing import Final, LiteralString

from django.db import connection

from connmon.registry.models import IngestPulse
from connmon.registry.sweep_rules import Listener, why_not_now

DROP_BATCH: Final = 10_000  # connections dropped in one statement: some 100 ms
DROP_SERVERS: Final = 100  # ended servers looked at for leftovers in one statement

# Only what changes is written: with nothing lost and nothing back both find no row and write none.
MARK: Final[LiteralString] = """
    WITH lost AS (
        UPDATE registry_gameserver g SET lost_at = %(now)s FROM registry_serverstate s
        WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND g.lost_at IS NULL
          AND s.server_id = g.id AND s.due_at <= %(now)s
        RETURNING g.id
    ), back AS (
        UPDATE registry_gameserver g SET lost_at = NULL FROM registry_serverstate s
        WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND g.lost_at IS NOT NULL
          AND s.server_id = g.id AND s.due_at > %(now)s
        RETURNING g.id
    ), told AS (
        INSERT INTO registry_serverevent (server_id, game_id, kind, at)
        SELECT id, %(game)s, 'lost', %(now)s FROM lost UNION ALL SELECT id, %(game)s, 'returned', %(now)s FROM back
    )
    SELECT (SELECT count(*) FROM lost), (SELECT count(*) FROM back)
"""

# An agent that reports after all is refused with boot-superseded and begins a new boot with a snapshot.
END: Final[LiteralString] = """
    WITH gone AS (
        UPDATE registry_gameserver g SET ended_at = %(now)s, holds_leftovers = true FROM registry_serverstate s
        WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND g.lost_at IS NOT NULL AND s.server_id = g.id
          AND s.due_at <= %(now)s::timestamptz - make_interval(secs => %(gone_after)s)
        RETURNING g.id
    ), refused AS (
        UPDATE registry_serverstate SET superseded = true WHERE server_id IN (SELECT id FROM gone)
    ), told AS (
        INSERT INTO registry_serverevent (server_id, game_id, kind, at) SELECT id, %(game)s, 'gone', %(now)s FROM gone
    )
    SELECT count(*) FROM gone
"""

# The servers' rows are locked and skipped: two workers drop different servers' connections.
DROP: Final[LiteralString] = """
    WITH ended AS (
        SELECT id FROM registry_gameserver WHERE holds_leftovers ORDER BY ended_at LIMIT %(servers)s
        FOR UPDATE SKIP LOCKED
    ), dropped AS (
        DELETE FROM registry_connection c USING (
            SELECT d.server_id, d.service_id, d.connection_id
            FROM ended JOIN registry_connection d ON d.server_id = ended.id
            LIMIT %(batch)s
        ) AS part
        WHERE (c.server_id, c.service_id, c.connection_id) = (part.server_id, part.service_id, part.connection_id)
        RETURNING c.server_id
    ), count AS (
        SELECT count(*) AS n FROM dropped
    ), empty AS (
        UPDATE registry_gameserver SET holds_leftovers = false
        WHERE id IN (SELECT id FROM ended) AND (SELECT n FROM count) < %(batch)s
    )
    SELECT n, (SELECT count(*) FROM ended) FROM count
"""


def find_why_not(*, report_interval: float, now: datetime) -> str:
    """Why no sweep should draw conclusions now (sweep_rules.why_not_now); "" if it may."""
    listeners = [Listener(pulse.started_at, pulse.seen_at, pulse.ill_at) for pulse in IngestPulse.objects.all()]
    return why_not_now(listeners, report_interval=report_interval, now=now)


def mark_lost(game_id: int, *, now: datetime) -> tuple[int, int]:
    """Marks servers whose lease is over, and those that are back; how many of each."""
    with connection.cursor() as cursor:
        cursor.execute(MARK, {"game": game_id, "now": now})
        lost, back = cursor.fetchone()
    return lost, back


def end_gone(game_id: int, *, gone_after: float, now: datetime) -> int:
    """Ends servers that were marked lost and are silent for `gone_after` seconds past their lease; how many."""
    with connection.cursor() as cursor:
        cursor.execute(END, {"game": game_id, "now": now, "gone_after": gone_after})
        return int(cursor.fetchone()[0])


def drop_leftovers() -> int | None:
    """Drops a batch of connections of ended servers, of any game; how many. None: nobody has any (or another works)."""
    with connection.cursor() as cursor:
        cursor.execute(DROP, {"servers": DROP_SERVERS, "batch": DROP_BATCH})
        dropped, servers = cursor.fetchone()
    return int(dropped) if servers else None
