"""History for charts: the last hour of samples, by service or of one service, and the overview's sparklines."""

from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from dashboard.queries.fetch import fetch

SPAN = timedelta(hours=1)
SERIES_MAX = 6  # as many as a colour-blind eye tells apart; the rest is drawn as one line of others
OTHERS = "others"


class Series(Struct, frozen=True):
    """One line: `id` is a service id as text, "others" or a counter's name; None where nothing is known."""

    id: str
    name: str
    values: list[int | None]


class Sparks(Struct, frozen=True):
    """The tiles' lines, in step with `at`; None where nothing is known."""

    reporting: list[float | None]
    players: list[float | None]
    live: list[float | None]
    opened_rate: list[float | None]
    closed_rate: list[float | None]
    orphaned: list[float | None]
    pool_reuse: list[float | None]
    memory_mb: list[float | None]


class History(Struct, frozen=True):
    """Samples of the last hour. `at` in milliseconds since 1970, `resolution` = seconds between two of them."""

    at: list[int]
    resolution: float | None
    series: list[Series]
    sparks: Sparks | None = None


class _Point(Struct, frozen=True):
    at: datetime
    service_id: int | None
    live: int


class _Total(Struct, frozen=True):
    at: datetime
    servers: int
    players: int
    memory_mb: float
    hits: int
    misses: int
    live: int
    opened: int
    closed: int
    orphaned: int


class _Top(Struct, frozen=True):
    id: int
    name: str


# The services that have the most live connections in the newest sample.
TOP_SERVICES = """
SELECT service.id, service.name
FROM telemetry_servicesample AS sample
JOIN registry_service AS service ON service.id = sample.service_id
WHERE sample.game_id = %(game)s
  AND sample.at = (SELECT max(at) FROM telemetry_servicesample WHERE game_id = %(game)s AND at > %(since)s)
ORDER BY sample.live DESC, service.name
LIMIT %(limit)s
"""

# One row a moment and drawn service; all others are summed under NULL.
LIVE_BY_SERVICE = """
SELECT at, CASE WHEN service_id = ANY(%(top)s) THEN service_id END, sum(live)::bigint
FROM telemetry_servicesample
WHERE game_id = %(game)s AND at > %(since)s
GROUP BY 1, 2
ORDER BY 1
"""

TOTALS = """
SELECT game.at, game.servers, game.players, game.memory_mb, game.pool_hits, game.pool_misses,
       coalesce(sum(service.live), 0)::bigint, coalesce(sum(service.opened), 0)::bigint,
       coalesce(sum(service.closed), 0)::bigint, coalesce(sum(service.orphaned), 0)::bigint
FROM telemetry_gamesample AS game
LEFT JOIN telemetry_servicesample AS service ON service.game_id = game.game_id AND service.at = game.at
WHERE game.game_id = %(game)s AND game.at > %(since)s
GROUP BY game.game_id, game.at
ORDER BY game.at
"""

ONE_SERVICE = """
SELECT at, live, orphaned
FROM telemetry_servicesample
WHERE game_id = %(game)s AND at > %(since)s AND service_id = %(service)s
ORDER BY at
"""


class _Moment(Struct, frozen=True):
    at: datetime
    live: int
    orphaned: int


def game_history(game_id: int, *, now: datetime) -> History:
    """Live connections of the largest services and of all others together, with the tiles' sparklines."""
    scope = {"game": game_id, "since": now - SPAN}
    top = fetch(_Top, TOP_SERVICES, scope | {"limit": SERIES_MAX})
    points = fetch(_Point, LIVE_BY_SERVICE, scope | {"top": [service.id for service in top]})
    totals = fetch(_Total, TOTALS, scope)
    moments = [total.at for total in totals]
    values = {(point.at, point.service_id): point.live for point in points}
    series = [
        Series(str(service.id), service.name, [values.get((at, service.id)) for at in moments]) for service in top
    ]
    if any(point.service_id is None for point in points):
        series.append(Series(OTHERS, "All others", [values.get((at, None)) for at in moments]))
    return History(_milliseconds(moments), _resolution(moments), series, _sparks(totals))


def service_history(game_id: int, service_id: int, *, now: datetime) -> History:
    """Live and orphaned connections of one service."""
    moments = fetch(_Moment, ONE_SERVICE, {"game": game_id, "service": service_id, "since": now - SPAN})
    at = [moment.at for moment in moments]
    series = [
        Series("live", "Live", [moment.live for moment in moments]),
        Series("orphaned", "Orphaned", [moment.orphaned for moment in moments]),
    ]
    return History(_milliseconds(at), _resolution(at), series if at else [])


def _milliseconds(moments: list[datetime]) -> list[int]:
    return [int(at.timestamp() * 1000) for at in moments]


def _resolution(moments: list[datetime]) -> float | None:
    """The usual step, in seconds: the median, since a restart leaves gaps."""
    steps = sorted((after - before).total_seconds() for before, after in pairwise(moments))
    return round(steps[len(steps) // 2], 1) if steps else None


def _sparks(totals: list[_Total]) -> Sparks:
    return Sparks(
        reporting=[total.servers for total in totals],
        players=[total.players for total in totals],
        live=[total.live for total in totals],
        opened_rate=_steps(totals, [total.opened for total in totals]),
        closed_rate=_steps(totals, [total.closed for total in totals]),
        orphaned=[total.orphaned for total in totals],
        pool_reuse=[
            total.hits / (total.hits + total.misses) if total.hits + total.misses else None for total in totals
        ],
        memory_mb=[total.memory_mb for total in totals],
    )


def _steps(totals: list[_Total], counter: list[int]) -> list[float | None]:
    """Per second between two samples; None at the first and where a server joined or left in between."""
    rates: list[float | None] = [None] * min(len(totals), 1)
    for index in range(1, len(totals)):
        before, after = totals[index - 1], totals[index]
        grown = counter[index] - counter[index - 1]
        seconds = (after.at - before.at).total_seconds()
        rates.append(grown / seconds if before.servers == after.servers and grown >= 0 else None)
    return rates
