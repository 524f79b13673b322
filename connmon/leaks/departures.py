"""Automatic cleanup as it happened: who left, and whether anything of theirs stayed.

Agents do not report that an owner left. Who held connections at one look and holds none at the looks of five minutes
has left; who merely closed what it had, and opens again, has not.
"""

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.db import connection

from connmon.leaks.statements import HEARD
from connmon.registry.states import OWNER_KINDS, OwnerKind

GRACE: Final = timedelta(minutes=2)  # 60 s of the agent's, the report and the look; then all has to be gone
SETTLED: Final = timedelta(minutes=5)  # without a new connection: the owner has left

# Things of the world have no grace and no end that anybody waits for; an entry is the owner's kind and its name.
OWNING: Final[LiteralString] = """
    CREATE TEMPORARY TABLE leaks_owning ON COMMIT DROP AS
    SELECT server_id, owner_kind || owner AS owner, bool_or(is_gone) AS is_gone,
           bool_or(live > remnants) AND NOT bool_or(is_gone) AS is_here
    FROM leaks_counted WHERE owner_kind <> %(system)s
    GROUP BY server_id, owner_kind, owner
"""
FORGET_RETURNED: Final[LiteralString] = """
    DELETE FROM leaks_departure d USING registry_gameserver g
    WHERE g.id = d.server_id AND g.game_id = %(game)s
      AND (g.ended_at IS NOT NULL
           OR EXISTS (SELECT FROM leaks_owning o WHERE o.server_id = d.server_id AND o.owner = d.owner AND o.is_here))
"""
MARK_LEFT_BEHIND: Final[LiteralString] = """
    UPDATE leaks_departure d SET left_behind = true FROM leaks_owning o
    WHERE o.server_id = d.server_id AND o.owner = d.owner AND NOT d.left_behind
      AND (o.is_gone OR d.at <= %(grace)s)
"""
COUNT_SETTLED: Final[LiteralString] = f"""
    WITH settled AS (
        DELETE FROM leaks_departure d USING ({HEARD}) AS heard
        WHERE d.server_id = heard.id AND d.at <= %(settled)s
        RETURNING substr(d.owner, 1, 1)::smallint AS owner_kind, d.left_behind
    )
    INSERT INTO leaks_tidiness (game_id, hour, owner_kind, tidy, left_behind)
    SELECT %(game)s, date_trunc('hour', %(now)s::timestamptz, 'UTC'), owner_kind,
           count(*) FILTER (WHERE NOT left_behind), count(*) FILTER (WHERE left_behind)
    FROM settled GROUP BY owner_kind
    ON CONFLICT (game_id, hour, owner_kind) DO UPDATE SET
        tidy = leaks_tidiness.tidy + excluded.tidy,
        left_behind = leaks_tidiness.left_behind + excluded.left_behind
"""
ADD_DEPARTED: Final[LiteralString] = f"""
    INSERT INTO leaks_departure (server_id, owner, at, left_behind)
    SELECT r.server_id, was.owner, %(now)s, coalesce(o.is_gone, false)
    FROM leaks_roll r JOIN ({HEARD}) AS heard ON heard.id = r.server_id
    CROSS JOIN LATERAL unnest(r.owners) AS was(owner)
    LEFT JOIN leaks_owning o ON o.server_id = r.server_id AND o.owner = was.owner
    WHERE NOT coalesce(o.is_here, false)
    ON CONFLICT DO NOTHING
"""
EMPTY_ROLLS: Final[LiteralString] = f"""
    DELETE FROM leaks_roll r USING registry_gameserver g
    WHERE g.game_id = %(game)s AND r.server_id = g.id
      AND (g.ended_at IS NOT NULL OR g.id IN ({HEARD}))
      AND NOT EXISTS (SELECT FROM leaks_owning o WHERE o.server_id = r.server_id AND o.is_here)
"""
CALL_ROLLS: Final[LiteralString] = """
    INSERT INTO leaks_roll (server_id, owners)
    SELECT server_id, array_agg(owner ORDER BY owner) FROM leaks_owning WHERE is_here GROUP BY server_id
    ON CONFLICT (server_id) DO UPDATE SET owners = excluded.owners
    WHERE leaks_roll.owners IS DISTINCT FROM excluded.owners
"""


def count_departures(game_id: int, *, now: datetime) -> None:
    """One look. Call it in the transaction that made leaks_counted (look.py)."""
    values: dict[str, Any] = {
        "game": game_id,
        "now": now,
        "grace": now - GRACE,
        "settled": now - SETTLED,
        "system": OWNER_KINDS.index(OwnerKind.SYSTEM),
    }
    with connection.cursor() as cursor:
        for statement in (
            OWNING,
            FORGET_RETURNED,
            MARK_LEFT_BEHIND,
            COUNT_SETTLED,
            ADD_DEPARTED,
            EMPTY_ROLLS,
            CALL_ROLLS,
        ):
            cursor.execute(statement, values)
        cursor.execute("DROP TABLE leaks_owning")
