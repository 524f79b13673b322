"""Running servers one by one, for whoever keeps sums of them."""

from collections.abc import Sequence

from connmon.registry.models import GameServer, Service
from dashboard.queries.fetch import fetch
from dashboard.tally import ServerCounters

# xmin and ctid name the row's newest writing: they tell cheaply whose counters are not those that are known.
VERSIONS = """
SELECT server.id, state.xmin::text || state.ctid::text
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
WHERE server.game_id = %(game)s AND server.ended_at IS NULL
"""

COUNTERS = """
SELECT server.id, state.xmin::text || state.ctid::text, extract(epoch FROM state.due_at)::float8, state.synced,
       state.players, state.memory_mb,
       coalesce((SELECT sum(hits) FROM unnest(state.pool_hits) AS hits), 0)::bigint,
       coalesce((SELECT sum(misses) FROM unnest(state.pool_misses) AS misses), 0)::bigint,
       state.service_ids, state.live, state.idle, state.orphaned, state.stale
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
WHERE server.game_id = %(game)s AND server.ended_at IS NULL AND server.id = ANY(%(servers)s::bigint[])
"""


def running_versions(game_id: int) -> dict[int, str]:
    """The version of each running server's counters, by its id."""
    return dict(fetch(lambda id, version: (id, version), VERSIONS, {"game": game_id}))


def running_counters(game_id: int, servers: Sequence[int]) -> list[ServerCounters]:
    """Those of these servers that are the game's and run."""
    return fetch(ServerCounters, COUNTERS, {"game": game_id, "servers": servers})


def service_names(game_id: int) -> dict[int, str]:
    """Of all the game's services, by id."""
    return dict(Service.objects.filter(game_id=game_id).values_list("id", "name"))


def has_ever_reported(game_id: int) -> bool:
    return GameServer.objects.filter(game_id=game_id).exists()
