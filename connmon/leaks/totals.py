"""Confirmed verdicts over all servers of a game: facts are counted, where growth is judged on a few servers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.db import connection

from connmon.leaks.evidence import Verdict
from connmon.leaks.models import Origin
from connmon.leaks.remnants import PROVEN_AFTER
from connmon.leaks.statements import ORPHANED, STALE
from connmon.leaks.states import Cause

STATE_OF: Final = {Cause.ORPHANED: ORPHANED, Cause.KEPT: STALE}

TOTALS: Final[LiteralString] = """
    SELECT id, sum(many)::int, min(since), array_agg(name ORDER BY many DESC, name),
           coalesce(array_agg(DISTINCT place_version) FILTER (WHERE place_version IS NOT NULL), '{}'), sum(players)::int
    FROM (
        SELECT o.id, g.name, g.place_version, s.players, count(*) AS many,
               extract(epoch FROM min(x.first_at))::float8 AS since
        FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
        JOIN leaks_sighting x ON x.server_id = g.id
        JOIN registry_connection c ON c.server_id = x.server_id AND c.service_id = x.service_id
                                  AND c.connection_id = x.connection_id
        JOIN leaks_origin o ON o.service_id = c.service_id AND o.type = c.type AND o.site = c.site
        WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s AND s.synced
          AND o.id = ANY(%(origins)s) AND x.state = %(state)s AND x.first_at <= %(before)s
        GROUP BY o.id, g.id, s.players
    ) AS each_server
    GROUP BY id
"""


def over_all_servers(game_id: int, verdicts: Mapping[Origin, Verdict], *, now: datetime) -> dict[Origin, Verdict]:
    """The same verdicts; of those that are facts with how many, since when and where in the whole game."""
    found = dict(verdicts)
    for cause, state in STATE_OF.items():
        origins = {origin.pk: origin for origin, verdict in verdicts.items() if verdict.cause is cause}
        if not origins:
            continue
        before = now - timedelta(seconds=PROVEN_AFTER[cause])
        values = {"game": game_id, "now": now, "origins": list(origins), "state": state, "before": before}
        for pk, count, since, servers, versions, players in _rows(values):
            found[origins[pk]] = replace(
                found[origins[pk]],
                count=count,
                since=since,
                servers=tuple(servers),
                place_versions=tuple(versions),
                players=players,
            )
    return found


def _rows(values: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, values)
        return list(cursor.fetchall())
