"""The overview's sparklines: the last hour of samples. Charts are in charts.py."""

from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from dashboard.queries.fetch import fetch

SPAN = timedelta(hours=1)


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


class Sparklines(Struct, frozen=True):
    """Samples of the last hour. `at` in milliseconds since 1970, `resolution` = seconds between two of them."""

    at: list[int]
    resolution: float | None
    sparks: Sparks


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


TOTALS = """
SELECT game.at, game.servers, game.players, game.memory_mb, game.pool_hits, game.pool_misses,
       coalesce(sum(service.live), 0)::bigint, coalesce(sum(service.opened), 0)::bigint,
       coalesce(sum(service.closed), 0)::bigint, coalesce(sum(service.orphaned), 0)::bigint
FROM telemetry_gamesample AS game
LEFT JOIN telemetry_servicesample AS service
    ON service.game_id = game.game_id AND service.at = game.at AND service.step = 10
WHERE game.game_id = %(game)s AND game.step = 10 AND game.at > %(since)s
GROUP BY game.game_id, game.at, game.step
ORDER BY game.at
"""


def sparklines(game_id: int, *, now: datetime) -> Sparklines:
    """What the tiles' lines draw."""
    totals = fetch(_Total, TOTALS, {"game": game_id, "since": now - SPAN})
    moments = [total.at for total in totals]
    return Sparklines(_milliseconds(moments), _resolution(moments), _sparks(totals))


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
