"""The SQL that makes samples of current state, inside PostgreSQL: its cost does not grow with the reports.

First every reporting server's row is packed; fleet rows are then summed from those packed rows, not from the registry
once more, so that a server's next increase begins exactly where this one ended.
"""

from typing import Final, LiteralString

MOST_TYPES: Final = 1_000  # pairs of service and type that a game's samples tell apart; the rest goes under ""
LARGEST: Final[LiteralString] = "9223372036854775807"  # sums of what games send may pass what a bigint holds

# Trailing sections of zeros are left out; what does not fit the narrow arrays goes into the wide one.
SERVERS: Final[LiteralString] = """
    INSERT INTO telemetry_serversample
        (step, server_id, game_id, at, ticks, players, memory_mb, signals_mb, services, gauges, totals, wide, pools,
         wide_pools)
    SELECT 10, server_id, game_id, %(at)s, 1, players, memory_mb, signals_mb, service_ids,
           CASE WHEN NOT fits THEN NULL
                WHEN 0 < ANY (stale) THEN (live || idle || orphaned || stale)::smallint[]
                WHEN 0 < ANY (orphaned) THEN (live || idle || orphaned)::smallint[]
                WHEN 0 < ANY (idle) THEN (live || idle)::smallint[]
                ELSE live::smallint[] END,
           CASE WHEN fits THEN (opened || closed)::int[] END,
           CASE WHEN NOT fits THEN live::bigint[] || idle::bigint[] || orphaned::bigint[] || stale::bigint[]
                                   || opened || closed END,
           CASE WHEN pool_types <> '{}' AND pools_fit
                THEN pool_size || pool_in_use || pool_hits::int[] || pool_misses::int[] END,
           CASE WHEN NOT pools_fit THEN pool_size::bigint[] || pool_in_use::bigint[] || pool_hits || pool_misses END
    FROM (
        SELECT *, 32767 >= ALL (live) AND 32767 >= ALL (idle) AND 32767 >= ALL (orphaned) AND 32767 >= ALL (stale)
                  AND 2147483647 >= ALL (opened) AND 2147483647 >= ALL (closed) AS fits,
               2147483647 >= ALL (pool_hits || pool_misses) AS pools_fit
        FROM registry_serverstate s WHERE due_at > %(now)s AND NOT superseded
             AND NOT EXISTS (SELECT FROM registry_gameserver g WHERE g.id = s.server_id AND g.ended_at IS NOT NULL)
        OFFSET 0
    ) AS state
"""

# Each server's sample beside the one of the tick before, if that has the same boot; OFFSET 0 keeps what is reckoned
# once a server from being reckoned once a service.
_PAIRS: Final[LiteralString] = """
    SELECT n.*, cardinality(n.services) AS size, p.services = n.services AS same, p.server_id IS NOT NULL AS known,
           p.services AS services_before, p.totals AS totals_before, p.wide AS wide_before,
           coalesce(n.wide_pools, n.pools::bigint[]) AS pooled,
           coalesce(p.wide_pools, p.pools::bigint[]) AS pooled_before
    FROM telemetry_serversample n LEFT JOIN telemetry_serversample p
         ON p.server_id = n.server_id AND p.step = 10 AND p.at = %(before)s
    WHERE n.step = 10 AND n.at = %(at)s
    OFFSET 0
"""


def _grown(counter: LiteralString) -> LiteralString:
    """How far a counter grew since the tick before, over the boots that were there. One that fell began anew."""
    return f"""
        LEAST(coalesce(sum(CASE WHEN {counter} >= {counter}_before THEN {counter} - {counter}_before ELSE {counter} END)
                       FILTER (WHERE known), 0), {LARGEST})::bigint"""


def _total(counter: LiteralString) -> LiteralString:
    return f"LEAST(sum({counter}), {LARGEST})::bigint"


SERVICES: Final[LiteralString] = f"""
    INSERT INTO telemetry_servicesample
        (step, game_id, at, service_id, servers, live, idle, orphaned, stale, opened, closed, opened_new, closed_new,
         watched)
    SELECT 10, game_id, %(at)s, service_id, count(*), sum(live), sum(idle), sum(orphaned), sum(stale),
           {_total("opened")}, {_total("closed")}, {_grown("opened")}, {_grown("closed")},
           CASE WHEN bool_or(known) THEN %(seconds)s ELSE 0 END
    FROM (
        SELECT game_id, services[i] AS service_id, known,
               coalesce(gauges[i], wide[i], 0) AS live,
               coalesce(gauges[size + i], wide[size + i], 0) AS idle,
               coalesce(gauges[2 * size + i], wide[2 * size + i], 0) AS orphaned,
               coalesce(gauges[3 * size + i], wide[3 * size + i], 0) AS stale,
               coalesce(totals[i], wide[4 * size + i]) AS opened,
               coalesce(totals[size + i], wide[5 * size + i]) AS closed,
               coalesce(totals_before[j], wide_before[4 * size_before + j], 0) AS opened_before,
               coalesce(totals_before[size_before + j], wide_before[5 * size_before + j], 0) AS closed_before
        FROM ({_PAIRS}) AS pair, generate_series(1, size) AS i,
             LATERAL (SELECT cardinality(services_before),
                             CASE WHEN same THEN i ELSE array_position(services_before, services[i]) END
             ) AS earlier(size_before, j)
    ) AS element
    GROUP BY game_id, service_id
"""

# The names stand in the registry's row, where a boot only adds to them: a place has the same name as in the sample.
POOLS: Final[LiteralString] = f"""
    INSERT INTO telemetry_poolsample
        (step, game_id, at, type, size, in_use, hits, misses, hits_new, misses_new, watched)
    SELECT 10, game_id, %(at)s, type, sum(size), sum(in_use), {_total("hits")}, {_total("misses")},
           {_grown("hits")}, {_grown("misses")}, CASE WHEN bool_or(known) THEN %(seconds)s ELSE 0 END
    FROM (
        SELECT pair.game_id, state.pool_types[i] AS type, known, pooled[i] AS size, pooled[many + i] AS in_use,
               pooled[2 * many + i] AS hits, pooled[3 * many + i] AS misses,
               CASE WHEN i <= many_before THEN pooled_before[2 * many_before + i] ELSE 0 END AS hits_before,
               CASE WHEN i <= many_before THEN pooled_before[3 * many_before + i] ELSE 0 END AS misses_before
        FROM ({_PAIRS}) AS pair JOIN registry_serverstate state USING (server_id),
             LATERAL (SELECT cardinality(pooled) / 4, coalesce(cardinality(pooled_before) / 4, 0)
             ) AS counted(many, many_before),
             generate_series(1, many) AS i
    ) AS element
    WHERE type IS NOT NULL
    GROUP BY game_id, type
"""

GAMES: Final[LiteralString] = f"""
    INSERT INTO telemetry_gamesample
        (step, game_id, at, servers, players, memory_mb, signals_mb, live, idle, orphaned, stale, pool_hits,
         pool_misses, opened_new, closed_new, hits_new, misses_new, joined, gone, watched)
    SELECT 10, game_id, %(at)s, servers, players, memory_mb, signals_mb,
           coalesce(service.live, 0), coalesce(service.idle, 0), coalesce(service.orphaned, 0),
           coalesce(service.stale, 0), coalesce(pool.hits, 0), coalesce(pool.misses, 0),
           coalesce(service.opened_new, 0), coalesce(service.closed_new, 0), coalesce(pool.hits_new, 0),
           coalesce(pool.misses_new, 0), joined, gone, watched
    FROM (
        SELECT coalesce(n.game_id, p.game_id) AS game_id, count(n.there) AS servers,
               coalesce(sum(n.players), 0) AS players,
               coalesce(sum(n.memory_mb), 0) AS memory_mb, coalesce(sum(n.signals_mb), 0) AS signals_mb,
               count(*) FILTER (WHERE p.there IS NULL AND %(before)s::timestamptz IS NOT NULL) AS joined,
               count(*) FILTER (WHERE n.there IS NULL) AS gone,
               CASE WHEN bool_or(n.there AND p.there) THEN %(seconds)s ELSE 0 END AS watched
        FROM (SELECT server_id, game_id, players, memory_mb, signals_mb, true AS there FROM telemetry_serversample
              WHERE step = 10 AND at = %(at)s) AS n
             FULL JOIN (SELECT server_id, game_id, true AS there FROM telemetry_serversample
                        WHERE step = 10 AND at = %(before)s) AS p USING (server_id)
        GROUP BY 1
    ) AS server
    LEFT JOIN (
        SELECT game_id, sum(live) AS live, sum(idle) AS idle, sum(orphaned) AS orphaned, sum(stale) AS stale,
               {_total("opened_new")} AS opened_new, {_total("closed_new")} AS closed_new
        FROM telemetry_servicesample WHERE step = 10 AND at = %(at)s GROUP BY game_id
    ) AS service USING (game_id)
    LEFT JOIN (
        SELECT game_id, {_total("hits")} AS hits, {_total("misses")} AS misses, {_total("hits_new")} AS hits_new,
               {_total("misses_new")} AS misses_new
        FROM telemetry_poolsample WHERE step = 10 AND at = %(at)s GROUP BY game_id
    ) AS pool USING (game_id)
    WHERE servers > 0
"""

# Counted in the registry itself, so once a minute at most; states are places in registry/states.py.
TYPES: Final[LiteralString] = """
    INSERT INTO telemetry_typesample (step, game_id, at, service_id, type, live, idle, orphaned, stale)
    SELECT 60, game_id, %(at)s, service_id, CASE WHEN rank <= %(most)s THEN type ELSE '' END,
           sum(live), sum(idle), sum(orphaned), sum(stale)
    FROM (
        SELECT s.game_id, c.service_id, c.type,
               count(*) FILTER (WHERE c.state <> %(stale)s) AS live,
               count(*) FILTER (WHERE c.state = %(idle)s) AS idle,
               count(*) FILTER (WHERE c.state = %(orphaned)s) AS orphaned,
               count(*) FILTER (WHERE c.state = %(stale)s) AS stale,
               row_number() OVER (PARTITION BY s.game_id ORDER BY count(*) DESC, c.service_id, c.type) AS rank
        FROM registry_connection c JOIN registry_serverstate s USING (server_id)
        WHERE s.due_at > %(now)s AND NOT s.superseded
        GROUP BY s.game_id, c.service_id, c.type
    ) AS counted
    GROUP BY 2, 4, 5
"""
VERSIONS: Final[LiteralString] = """
    INSERT INTO telemetry_placeversion (game_id, place_id, version, first_at)
    SELECT g.game_id, g.place_id, g.place_version, min(g.first_seen_at)
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.ended_at IS NULL AND s.due_at > %(now)s AND g.place_id IS NOT NULL AND g.place_version IS NOT NULL
    GROUP BY 1, 2, 3
    ON CONFLICT DO NOTHING
"""
