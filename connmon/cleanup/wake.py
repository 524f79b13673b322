"""Which servers are asked to report at once: those whose orders nobody has fetched, each order once."""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import connection

from connmon.cleanup.opencloud import OpenCloud, Result
from connmon.configuration.queries import current
from connmon.configuration.schema import OPERATIONS

PATIENCE: Final = timedelta(seconds=1)  # those on a socket have their orders by then

# Marked before the call: a call that is lost costs a report interval, one that is made twice costs quota.
TAKE: Final[LiteralString] = """
    WITH taken AS (
        UPDATE cleanup_order SET woken = true
        WHERE id IN (SELECT id FROM cleanup_order WHERE state = 'pending' AND NOT woken AND deliver_at <= %s
                     FOR UPDATE SKIP LOCKED)
        RETURNING server_id
    )
    SELECT g.game_id, array_agg(DISTINCT g.name) FROM taken JOIN registry_gameserver g ON g.id = taken.server_id
    GROUP BY g.game_id
"""


def wake_servers(cloud: OpenCloud, *, now: datetime) -> dict[int, Result]:
    """Wakes the servers of every game that names its universe; what each game's calls came to."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [now - PATIENCE])
        taken: list[tuple[int, list[str]]] = cursor.fetchall()
    results = {}
    for game_id, servers in taken:
        universe = current(game_id).get(OPERATIONS, "OPEN_CLOUD_UNIVERSE")
        if universe:
            results[game_id] = cloud.wake(universe, servers)
    return results
