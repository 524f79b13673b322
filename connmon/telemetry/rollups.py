"""The SQL of rollups: rows of a finer step within `since` ≤ at < `until` become one row of `step`, stamped `since`."""

from typing import Final, LiteralString

from connmon.telemetry.sampling import LARGEST
from connmon.telemetry.tables import FLEET, Table


def _last(name: LiteralString) -> LiteralString:
    return f"(array_agg({name} ORDER BY at DESC))[1]"


def _sum(value: LiteralString) -> LiteralString:
    return f"LEAST(sum({value}), {LARGEST})"


def _if_moved(name: LiteralString, value: LiteralString) -> LiteralString:
    return f"CASE WHEN min(coalesce({name}_min, {name})) < max(coalesce({name}_max, {name})) THEN {value} END"


def _gauge(name: LiteralString) -> dict[LiteralString, LiteralString]:
    return {
        name: _last(name),
        f"{name}_min": _if_moved(name, f"min(coalesce({name}_min, {name}))"),
        f"{name}_max": _if_moved(name, f"max(coalesce({name}_max, {name}))"),
        f"{name}_sum": _if_moved(name, _sum(f"coalesce({name}_sum, {name} * ticks)")),
    }


def roll_fleet(table: Table) -> LiteralString:
    """One table of fleet history: last, lowest, highest and sum of its gauges; its counters' growth added up."""
    columns: dict[LiteralString, LiteralString] = {"ticks": "sum(ticks)"}
    if table.increases:
        columns["watched"] = "sum(watched)"
    columns |= {name: _last(name) for name in table.lasts}
    columns |= {name: _sum(name) for name in table.increases}
    for name in table.gauges:
        columns |= _gauge(name)
    keys = ", ".join(table.keys)
    return f"""
        INSERT INTO {table.name} (step, at, {keys}, {", ".join(columns)})
        SELECT %(step)s, %(since)s, {keys}, {", ".join(columns.values())}
        FROM {table.name} WHERE step = %(finer)s AND at >= %(since)s AND at < %(until)s
        GROUP BY {keys}
    """


def _vital(name: LiteralString) -> LiteralString:
    """Lowest, highest and sum of players or memory; the sum over moments that did not tell is made up by the others."""
    return f"""
        min(coalesce({name}_min, {name})) AS {name}_min, max(coalesce({name}_max, {name})) AS {name}_max,
        sum(coalesce({name}_sum, {name}::float8 * ticks)) * sum(ticks)
            / nullif(sum(ticks) FILTER (WHERE {name} IS NOT NULL), 0) AS {name}_sum"""


# Each server's finer rows are gathered in one array, and their numbers taken apart and put together again one server at
# a time: grouping the services of all servers at once takes three times as long. A server that stood still is copied.
# The newest row says which services there are, in which order (a boot only ever adds to them); it alone is filled up
# to all four sections. What a row does not name was 0 then.
ROLL_SERVERS: Final[LiteralString] = f"""
    WITH server AS MATERIALIZED (
        SELECT server_id, array_agg(s ORDER BY at) AS finer, count(*)::int AS many, sum(ticks) AS all_ticks,
               min(services) = max(services) AS steady,
               count(wide) = 0 AND count(low) = 0 AND min(gauges) = max(gauges) AND min(services) = max(services)
               AS quiet, {_vital("players")}, {_vital("memory_mb")}, {_vital("signals_mb")}
        FROM telemetry_serversample s WHERE step = %(finer)s AND at >= %(since)s AND at < %(until)s
        GROUP BY server_id
    ), rolled AS (
        SELECT n.*, cardinality(n.services) AS size, all_ticks, moved.*,
               n.wide IS NULL AND coalesce(moved.fits, true) AS narrow,
               server.players_min AS p_min, server.players_max AS p_max, server.players_sum AS p_sum,
               server.memory_mb_min AS m_min, server.memory_mb_max AS m_max, server.memory_mb_sum AS m_sum,
               server.signals_mb_min AS s_min, server.signals_mb_max AS s_max, server.signals_mb_sum AS s_sum
        FROM server, LATERAL unnest(finer[many:many]) AS n, LATERAL (
            SELECT array_agg(low ORDER BY place) AS lows, array_agg(high ORDER BY place) AS highs,
                   array_agg(total ORDER BY place) AS totaled,
                   max(high) <= 32767 AND max(total) <= 2147483647 AS fits,
                   max(place) FILTER (WHERE high > 0) AS reach
            FROM (
                SELECT place, CASE WHEN count(*) < many THEN 0 ELSE min(coalesce(e.low, e.now)) END AS low,
                       max(coalesce(e.high, e.now)) AS high,
                       sum(coalesce(e.total, e.now * r.ticks))::bigint AS total
                FROM unnest(finer) AS r,
                     LATERAL (SELECT cardinality(r.services)) AS row(m),
                     LATERAL unnest(
                         coalesce(r.wide[1:4 * m], CASE WHEN r.at = n.at
                             THEN r.gauges::bigint[] || array_fill(0::bigint, ARRAY[4 * m - cardinality(r.gauges)])
                             ELSE r.gauges::bigint[] END),
                         coalesce(r.low::bigint[], r.wide[6 * m + 1:10 * m]),
                         coalesce(r.high::bigint[], r.wide[10 * m + 1:14 * m]),
                         coalesce(r.sums::bigint[], r.wide[14 * m + 1:18 * m])
                     ) WITH ORDINALITY AS e(now, low, high, total, i),
                     LATERAL (SELECT CASE WHEN steady THEN e.i ELSE
                         (e.i - 1) / m * cardinality(n.services)
                         + array_position(n.services, r.services[(e.i - 1) %% m + 1]) END
                     ) AS spot(place)
                WHERE NOT server.quiet
                GROUP BY place
            ) AS element
            WHERE place IS NOT NULL
        ) AS moved
    )
    INSERT INTO telemetry_serversample
        (step, server_id, game_id, at, ticks, players, players_min, players_max, players_sum,
         memory_mb, memory_mb_min, memory_mb_max, memory_mb_sum,
         signals_mb, signals_mb_min, signals_mb_max, signals_mb_sum,
         services, gauges, totals, low, high, sums, wide, pools, wide_pools)
    SELECT %(step)s, server_id, game_id, %(since)s, all_ticks,
           players, nullif(p_min, players), nullif(p_max, players), nullif(p_sum, players * all_ticks),
           memory_mb, nullif(m_min, memory_mb), nullif(m_max, memory_mb), nullif(m_sum, memory_mb * all_ticks),
           signals_mb, nullif(s_min, signals_mb), nullif(s_max, signals_mb), nullif(s_sum, signals_mb * all_ticks),
           services, CASE WHEN narrow THEN gauges END, CASE WHEN narrow THEN totals END,
           CASE WHEN narrow THEN lows[1:length]::smallint[] END, CASE WHEN narrow THEN highs[1:length]::smallint[] END,
           CASE WHEN narrow THEN totaled[1:length]::int[] END,
           CASE WHEN NOT narrow THEN
               coalesce(wide[1:6 * size], gauges::bigint[]
                   || array_fill(0::bigint, ARRAY[4 * size - cardinality(gauges)]) || totals::bigint[])
               || lows || highs || totaled END,
           pools, wide_pools
    FROM rolled, LATERAL (SELECT (coalesce(reach, 1) + size - 1) / nullif(size, 0) * size) AS trimmed(length)
"""
ROLL_FLEET: Final = {table.name: roll_fleet(table) for table in FLEET}
