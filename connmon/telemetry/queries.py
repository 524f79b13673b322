"""Reads of history: charts of a game's fleet, or of one of its servers. Everything leads from the game.

A chart has a point every `step` seconds. A point in which nothing was sampled is None: gaps stay gaps.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.conf import settings
from django.db import connection

from connmon.core.errors import Invalid, NotFound
from connmon.registry.models import GameServer, Service
from connmon.telemetry.measures import MEASURES, Measure, Split, Unit
from connmon.telemetry.resolutions import Piece, Plan, make_plan
from connmon.telemetry.tables import Table
from connmon.telemetry.ticks import rolled_until

SHORTEST: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=366)
MOST_LINES: Final[LiteralString] = "6"  # as many as a colour-blind eye tells apart; the rest is one line of others
OTHERS: Final = "others"
Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Span:
    """The time of a chart: `since` ≤ at < `until`, as seen at `now`. Raises Invalid."""

    since: datetime
    until: datetime
    now: datetime

    def __post_init__(self) -> None:
        if self.until - self.since < SHORTEST:
            raise Invalid("A chart shows five minutes or more: `from` lies at least that long before `to`.")
        if self.until - self.since > LONGEST:
            raise Invalid("A chart shows a year at most.")

    def plan(self, *, finest: int) -> Plan:
        """The resolution that draws it."""
        return make_plan(
            since=self.since,
            until=min(self.until, self.now + timedelta(seconds=1)),
            now=self.now,
            keep=settings.HISTORY_KEEP,
            rolled=rolled_until(now=self.now),
            finest=finest,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart. `key`: a service's id, a type, "all" or "others"; `low`, `high`: of gauges, else empty."""

    key: str
    name: str
    values: Values
    low: Values
    high: Values


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's points and lines. `step`: seconds between points; `resolution`: those between the rows behind them."""

    measure: Measure
    at: list[datetime]
    step: int
    resolution: int
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of one line; without a key, of the line of others."""

    key: str | None
    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None


def series(
    game_id: int, measure: str, *, span: Span, split: Split = Split.NONE, service_id: int | None = None
) -> Chart:
    """A chart of the whole fleet, or of one service of it. Raises Invalid, NotFound.

    Split, it has the MOST_LINES largest by their mean, and one for all others where they can be added up.
    """
    wanted = require_measure(measure)
    table = _table_of(wanted, split, service_id)
    if service_id is not None:
        require_service(game_id, service_id)
    plan = span.plan(finest=table.finest)
    key = _KEYS[split] if split is not Split.NONE else "'all'"
    statement = _statement(wanted, table, key, plan.pieces, of_service=service_id is not None)
    values = {
        "game": game_id,
        "service": service_id,
        "step": plan.step,
        "until": min(span.until, span.now).timestamp(),
        **piece_values(plan.pieces),
    }
    points = [Point(*row) for row in fetch(statement, values)] if plan.pieces else []
    return draw(wanted, plan, points, names_of(game_id, split))


def require_measure(name: str) -> Measure:
    """Raises Invalid."""
    if name not in MEASURES:
        raise Invalid(f"There is no series {name}. There are: {', '.join(MEASURES)}.")
    return MEASURES[name]


def require_service(game_id: int, service_id: int) -> None:
    """Raises NotFound."""
    if not Service.objects.filter(game_id=game_id, id=service_id).exists():
        raise NotFound(f"This game has no service {service_id}.")


def find_service(game_id: int, name: str) -> int:
    """A service's id by its name. Raises NotFound."""
    service = Service.objects.filter(game_id=game_id, name=name).first()
    if service is None:
        raise NotFound(f"This game has no service {name}.")
    return service.pk


def find_boots(game_id: int, server: str) -> list[int]:
    """The keys of a server's boots by its name. Raises NotFound."""
    found = list(GameServer.objects.filter(game_id=game_id, name=server).values_list("id", flat=True))
    if not found:
        raise NotFound(f"This game has no server {server}.")
    return found


def draw(measure: Measure, plan: Plan, points: Iterable[Point], names: Mapping[str, str]) -> Chart:
    """Points as lines over all moments of the plan: the largest first, all others last."""
    moments = plan.moments()
    by_key: dict[str | None, dict[datetime, Point]] = defaultdict(dict)
    for point in points:
        by_key[point.key][point.at] = point
    others = by_key.pop(None, None)
    keys = sorted(by_key, key=lambda key: (-_mean(by_key[key].values()), names.get(str(key), str(key))))
    lines = [_line(str(key), names.get(str(key), str(key)), by_key[key], moments, measure) for key in keys]
    if others is not None and measure.unit is not Unit.SHARE:
        lines.append(_line(OTHERS, "All others", others, moments, measure))
    resolution = max((piece.step for piece in plan.pieces), default=plan.step)
    return Chart(measure, moments, plan.step, resolution, lines)


def largest(points: LiteralString) -> LiteralString:
    """Of points (key, point, value, low, high) those of the largest keys; the others added up, without a key."""
    return f"""
        WITH drawn AS MATERIALIZED ({points}), ranked AS (
            SELECT key, row_number() OVER (ORDER BY avg(value) DESC NULLS LAST, key) <= {MOST_LINES} AS large
            FROM drawn GROUP BY key
        )
        SELECT CASE WHEN large THEN key END, point, sum(value), CASE WHEN bool_and(large) THEN min(low) END,
               CASE WHEN bool_and(large) THEN max(high) END
        FROM drawn JOIN ranked USING (key) GROUP BY 1, 2
    """


def _line(key: str, name: str, found: Mapping[datetime, Point], moments: list[datetime], measure: Measure) -> Line:
    points = [found.get(at, Point(key, at, None)) for at in moments]
    has_bounds = measure.gauge is not None and any(point.low is not None for point in points)
    bounded = points if has_bounds else []
    values = [point.value for point in points]
    return Line(key, name, values, [point.low for point in bounded], [point.high for point in bounded])


def _mean(points: Iterable[Point]) -> float:
    values = [point.value for point in points if point.value is not None]
    return sum(values) / len(values) if values else 0.0


# What a line is told apart by.
_KEYS: Final[Mapping[Split, LiteralString]] = {
    Split.SERVICE: "service_id::text",
    Split.TYPE: "type",
    Split.SITE: "site",
}


def _table_of(measure: Measure, split: Split, service_id: int | None) -> Table:
    """Where a chart's rows are. One service, and a split that has no total of its own, are read from the split's."""
    wanted = split
    if split is Split.NONE and (service_id is not None or split not in measure.tables):
        wanted = Split.SERVICE if Split.SERVICE in measure.tables else Split.TYPE
    if wanted not in measure.tables:
        raise Invalid(f"The series {measure.name} cannot be split by {wanted.value}.")
    table = measure.tables[wanted]
    if service_id is not None and "service_id" not in table.keys:
        raise Invalid(f"The series {measure.name} is not known for single services.")
    return table


def _statement(
    measure: Measure, table: Table, key: LiteralString, pieces: tuple[Piece, ...], *, of_service: bool
) -> LiteralString:
    """One query over all resolutions that the chart needs. Rows of one moment are added up before points are made."""
    rows = rows_of(table, pieces, "AND service_id = %(service)s" if of_service else "")
    bucket: LiteralString = "to_timestamp(floor(extract(epoch FROM at) / %(step)s) * %(step)s)"
    if measure.rate is not None:
        columns: LiteralString = f"{measure.rate} AS value, NULL::float8 AS low, NULL::float8 AS high"
        return largest(f"SELECT {key} AS key, {bucket} AS point, {columns} FROM ({rows}) AS row GROUP BY 1, 2")
    name = measure.gauge
    assert name is not None
    moments: LiteralString = f"""
        SELECT {key} AS key, at, ticks, coalesce({name}_sum, {name} * ticks) AS total,
               coalesce({name}_min, {name}) AS low, coalesce({name}_max, {name}) AS high
        FROM ({rows}) AS row
    """
    if _is_whole(table, key, of_service=of_service):
        moments = f"""
            SELECT key, at, max(ticks) AS ticks, sum(total) AS total, CASE WHEN count(*) = 1 THEN min(low) END AS low,
                   CASE WHEN count(*) = 1 THEN max(high) END AS high
            FROM ({moments}) AS one GROUP BY 1, 2
        """
    return largest(f"""
        SELECT key, {bucket} AS point, (sum(total) / sum(ticks))::float8 AS value, min(low)::float8 AS low,
               max(high)::float8 AS high
        FROM ({moments}) AS moment GROUP BY 1, 2
    """)


def _is_whole(table: Table, key: LiteralString, *, of_service: bool) -> bool:
    """Whether a line of this key adds up several rows of one moment."""
    told_apart = {"game_id", *(["service_id"] if of_service else []), *(name for name in table.keys if name in key)}
    return set(table.keys) != told_apart


def rows_of(table: Table, pieces: tuple[Piece, ...], condition: LiteralString = "") -> LiteralString:
    """A game's rows of all pieces; the values are those of piece_values, and `game`."""
    parts: list[LiteralString] = [
        f"""SELECT * FROM {table.name} WHERE game_id = %(game)s AND step = %({name}_step)s
            AND at >= %({name}_since)s AND at < %({name}_until)s {condition}"""
        for name in PIECES[: len(pieces)]
    ]
    return " UNION ALL ".join(parts)


PIECES: Final[tuple[LiteralString, ...]] = ("first", "second", "third", "fourth")


def piece_values(pieces: tuple[Piece, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, piece in zip(PIECES, pieces, strict=False):
        values |= {f"{name}_step": piece.step, f"{name}_since": piece.since, f"{name}_until": piece.until}
    return values


def names_of(game_id: int, split: Split) -> dict[str, str]:
    names = {"all": "All", "": "Site unknown" if split is Split.SITE else "Other types"}
    if split is Split.SERVICE:
        names |= {str(pk): name for pk, name in Service.objects.filter(game_id=game_id).values_list("id", "name")}
    return names


def fetch(statement: LiteralString, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
