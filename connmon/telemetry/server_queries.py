"""Reads of one server's history: all its boots, each with counters of its own."""

from typing import Any, Final, LiteralString

from connmon.core.errors import Invalid
from connmon.telemetry.measures import Measure, Split
from connmon.telemetry.queries import (
    PIECES,
    Chart,
    Point,
    Span,
    draw,
    fetch,
    find_boots,
    largest,
    names_of,
    piece_values,
    require_measure,
    require_service,
)
from connmon.telemetry.resolutions import TICK, Piece
from connmon.telemetry.tables import SERVERS, STATES

COUNTERS: Final = ("opened_rate", "closed_rate")

_BUCKET: Final[LiteralString] = "to_timestamp(floor(extract(epoch FROM at) / %(step)s) * %(step)s)"
_KEY: Final[LiteralString] = "CASE WHEN %(split)s THEN service_id::text ELSE 'all' END"

# One row for each service of each packed row. `section` picks the gauge or the counter.
_ELEMENTS: Final[LiteralString] = """
    SELECT r.*, e.service_id, m, i FROM rows r, LATERAL (SELECT cardinality(r.services)) AS counted(m),
           LATERAL unnest(r.services) WITH ORDINALITY AS e(service_id, i)
    WHERE %(service)s::int IS NULL OR e.service_id = %(service)s
"""
_GAUGE: Final[LiteralString] = f"""
    SELECT key, {_BUCKET} AS point, (sum(total) / sum(ticks))::float8 AS value, min(low)::float8 AS low,
           max(high)::float8 AS high
    FROM (
        SELECT {_KEY} AS key, server_id, at, max(ticks) AS ticks, sum(coalesce(total, now::bigint * ticks)) AS total,
               CASE WHEN count(*) = 1 THEN min(coalesce(least, now)) END AS low,
               CASE WHEN count(*) = 1 THEN max(coalesce(most, now)) END AS high
        FROM (
            SELECT service_id, server_id, at, ticks,
                   coalesce(gauges[%(section)s * m + i], wide[%(section)s * m + i], 0) AS now,
                   coalesce(low[%(section)s * m + i], wide[(6 + %(section)s) * m + i]) AS least,
                   coalesce(high[%(section)s * m + i], wide[(10 + %(section)s) * m + i]) AS most,
                   coalesce(sums[%(section)s * m + i], wide[(14 + %(section)s) * m + i]) AS total
            FROM ({_ELEMENTS}) AS element
        ) AS gauge
        GROUP BY 1, 2, 3
    ) AS moment
    GROUP BY 1, 2
"""
# A counter's growth between a boot's rows that follow each other, over the seconds between their ends. It says nothing
# across a gap, and a counter that fell began anew.
_RATE: Final[LiteralString] = f"""
    SELECT key, {_BUCKET} AS point, sum(growth)::float8 / nullif(sum(seconds), 0) AS value,
           NULL::float8 AS low, NULL::float8 AS high
    FROM (
        SELECT key, at, CASE WHEN count >= before THEN count - before ELSE count END AS growth,
               extract(epoch FROM at - at_before) + step - step_before AS seconds,
               extract(epoch FROM at - at_before) <= 2 * GREATEST(step, step_before) AS follows
        FROM (
            SELECT key, at, step, count, lag(count) OVER boot AS before, lag(at) OVER boot AS at_before,
                   lag(step) OVER boot AS step_before
            FROM (
                SELECT {_KEY} AS key, server_id, at, step,
                       sum(coalesce(totals[%(section)s * m + i], wide[(4 + %(section)s) * m + i])) AS count
                FROM ({_ELEMENTS}) AS element
                GROUP BY 1, 2, 3, 4
            ) AS counter
            WINDOW boot AS (PARTITION BY server_id, key ORDER BY at)
        ) AS paired
    ) AS grown
    WHERE follows AND at >= %(first_since)s
    GROUP BY 1, 2
"""


def _vital(name: LiteralString) -> LiteralString:
    return f"""
        SELECT 'all' AS key, {_BUCKET} AS point,
               sum(coalesce({name}_sum, {name}::float8 * ticks))
                   / sum(ticks) FILTER (WHERE {name} IS NOT NULL) AS value,
               min(coalesce({name}_min, {name}))::float8 AS low,
               max(coalesce({name}_max, {name}))::float8 AS high
        FROM rows GROUP BY 2
    """


VITALS: Final = {name: _vital(name) for name in ("players", "memory_mb", "signals_mb")}


def server_series(
    game_id: int,
    measure: str,
    *,
    server: str,
    span: Span,
    split: Split = Split.NONE,
    service_id: int | None = None,
) -> Chart:
    """A chart of one server, by its name, over all its boots. Raises Invalid, NotFound."""
    wanted = require_measure(measure)
    if not wanted.of_server:
        raise Invalid(f"The series {wanted.name} is not known for single servers.")
    if split is Split.TYPE or (wanted.name in VITALS and (split is not Split.NONE or service_id is not None)):
        raise Invalid(f"The series {wanted.name} of a server cannot be split like that.")
    boots = find_boots(game_id, server)
    if service_id is not None:
        require_service(game_id, service_id)
    plan = span.plan(finest=TICK)
    values: dict[str, Any] = {"game": game_id, "boots": boots, "step": plan.step, "service": service_id}
    values |= {"split": split is Split.SERVICE, "section": _section(wanted), **piece_values(plan.pieces)}
    statement = largest(f"WITH rows AS ({_rows(plan.pieces, compared=wanted.name in COUNTERS)}) {_reading(wanted)}")
    points = [Point(*row) for row in fetch(statement, values)] if plan.pieces else []
    return draw(wanted, plan, points, names_of(game_id, split))


def _section(measure: Measure) -> int:
    if measure.name in COUNTERS:
        return COUNTERS.index(measure.name)
    return STATES.index(measure.name) if measure.name in STATES else 0


def _reading(measure: Measure) -> LiteralString:
    if measure.name in COUNTERS:
        return _RATE
    return VITALS.get(measure.name, _GAUGE)


def _rows(pieces: tuple[Piece, ...], *, compared: bool) -> LiteralString:
    """The packed rows of all pieces; `compared`: with one row more before the first, to compare its counters with."""
    earlier: tuple[LiteralString, ...] = (" - make_interval(secs => %(first_step)s)" if compared else "", "", "", "")
    parts: list[LiteralString] = [
        f"""SELECT * FROM {SERVERS} WHERE server_id = ANY(%(boots)s) AND game_id = %(game)s
            AND step = %({name}_step)s AND at >= %({name}_since)s::timestamptz{before} AND at < %({name}_until)s"""
        for name, before in zip(PIECES[: len(pieces)], earlier, strict=False)
    ]
    return " UNION ALL ".join(parts)
