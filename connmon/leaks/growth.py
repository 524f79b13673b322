"""Growth that players do not explain. Pure; one creation site, all its servers of one place version together.

Players are regressed out; what is left is looked at by its floor, block by block, so that rounds, bursts and storms,
which come down again, do not count. docs/leaks.md tells the rule in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from connmon.leaks.evidence import Floats, Line, Track

MINUTE: Final = 60.0
WARM_UP: Final = 15 * MINUTE  # after a boot: players come, caches fill, content loads
WINDOW: Final = 180 * MINUTE  # what is looked at, at most
LEAST_SPAN: Final = 20 * MINUTE
BLOCKS: Final = 8
LEAST_BLOCKS: Final = 4
LEAST_BLOCK: Final = 5 * MINUTE
LEAST_IN_BLOCK: Final = 3  # samples
LEAST_RISE: Final = 8.0  # connections
LEAST_SHARE: Final = 0.04  # of the level: a rise of less than that is nobody's concern
SIGNIFICANCE: Final = 2.5  # standard errors
ERROR_FACTOR: Final = 1.5  # neighbouring blocks share players: they are not independent
DROP: Final = 0.4  # a fall by this share within three minutes ends a round
DROP_SAMPLES: Final = 3
LEAST_DROP: Final = 5  # connections
LONGEST_ROUND: Final = 60 * MINUTE
ROUND_FACTOR: Final = 2.0  # a block then holds two rounds' ends: the pause after one may fall between samples
PLAYERS_GREW: Final = 1.15  # then growth in proportion to players is explained, whatever the regression says


@dataclass(frozen=True, slots=True)
class Fit:
    """A straight line through the floors of one server; `rise` over its whole span, in connections."""

    start: float
    end: float
    rise: float
    error: float
    level: float


def find_growth(tracks: Sequence[Track], *, now: float) -> Line | None:
    """The common line of all servers; None when it does not rise significantly."""
    fits = [fit for track in tracks if (fit := fit_track(track, now=now))]
    if not fits:
        return None
    rise = sum(fit.rise for fit in fits)
    error = float(np.sqrt(sum(fit.error**2 for fit in fits)))
    level = sum(fit.level for fit in fits)
    if rise < max(LEAST_RISE, LEAST_SHARE * level) or rise < SIGNIFICANCE * error:
        return None
    return Line(min(fit.start for fit in fits), max(fit.end for fit in fits), rise, error)


def fit_track(track: Track, *, now: float) -> Fit | None:
    """The line of one server, after its warm-up; None when there is too little to see."""
    begin = np.searchsorted(track.times, start_of(track, now=now))
    times, live, players = track.times[begin:], track.live[begin:], track.players[begin:]
    if len(times) < 2 or times[-1] - times[0] < LEAST_SPAN or len(times) < 0.5 * (times[-1] - times[0]) / MINUTE:
        return None
    block = max(LEAST_BLOCK, (times[-1] - times[0]) / BLOCKS, ROUND_FACTOR * longest_round(times, live, players))
    fits = [
        fit for slope in _player_slopes(times, live, players) if (fit := _fit(times, live - slope * players, block))
    ]
    if not fits:
        return None
    rise, error = min(fits, key=lambda fit: fit[0] / fit[1])
    return Fit(float(times[0]), float(times[-1]), rise, error, float(live.mean()))


def start_of(track: Track, *, now: float) -> float:
    """When what is looked at begins."""
    return max(track.booted_at + WARM_UP, now - WINDOW)


def longest_round(times: Floats, live: Floats, players: Floats) -> float:
    """Seconds between the falls that end rounds, the longest; 0 where nothing falls like that."""
    if len(live) <= DROP_SAMPLES:
        return 0.0
    fell = 1 - live[DROP_SAMPLES:] / np.maximum(live[:-DROP_SAMPLES], 1)
    left = 1 - players[DROP_SAMPLES:] / np.maximum(players[:-DROP_SAMPLES], 1)
    deep = live[:-DROP_SAMPLES] - live[DROP_SAMPLES:] >= LEAST_DROP
    ends = times[DROP_SAMPLES:][(fell >= DROP) & (left < fell / 2) & deep]
    if len(ends) == 0:
        return 0.0
    return min(float(np.diff(ends, prepend=times[0]).max()), LONGEST_ROUND)


def _player_slopes(times: Floats, live: Floats, players: Floats) -> list[float]:
    """Connections that one more player explains: by regression, and in proportion where players grew."""
    mean_players = float(players.mean())
    if mean_players <= 0:
        return [0.0]
    proportion = float(live.mean()) / mean_players
    slopes = [min(max(_regress(times, live, players), 0.0), 3 * proportion)]
    quarter = max(1, len(players) // 4)
    if players[-quarter:].mean() > PLAYERS_GREW * players[:quarter].mean():
        slopes.append(proportion)
    return slopes


def _regress(times: Floats, live: Floats, players: Floats) -> float:
    """Coefficient of players in live = a + b players + c time, by least squares."""
    time, who, what = (values - values.mean() for values in (times / MINUTE, players, live))
    tt, pp, tp = time @ time, who @ who, time @ who
    determinant = tt * pp - tp * tp
    if determinant <= 1e-9 * tt * max(pp, 1.0):
        return 0.0 if pp <= 0 else float((who @ what) / pp)
    return float((tt * (who @ what) - tp * (time @ what)) / determinant)


def _fit(times: Floats, values: Floats, block: float) -> tuple[float, float] | None:
    """(rise, its standard error) of the line through the floors of blocks."""
    centres, floors = _floors(times, values, block)
    if len(floors) < LEAST_BLOCKS:
        return None
    centred = centres - centres.mean()
    spread = float(centred @ centred)
    slope = float(centred @ floors) / spread
    rest = floors - floors.mean() - slope * centred
    noise = max(float(rest @ rest) / (len(floors) - 2), 0.25)  # whole numbers have a noise of their own
    span = float(times[-1] - times[0])
    return slope * span, ERROR_FACTOR * float(np.sqrt(noise / spread)) * span


def _floors(times: Floats, values: Floats, block: float) -> tuple[Floats, Floats]:
    """Middle and lowest value of each block with enough samples; the blocks end now."""
    number = ((times[-1] - times) // block).astype(np.int64)[::-1]
    edges = np.flatnonzero(np.diff(number, prepend=-1))
    counts = np.diff(edges, append=len(number))
    floors = np.minimum.reduceat(values[::-1], edges)
    whole = (counts >= LEAST_IN_BLOCK) & (counts >= 0.5 * block / MINUTE)
    centres = times[-1] - (number[edges] + 0.5) * block
    return centres[whole][::-1], floors[whole][::-1]
