"""Resolutions of history, and which of them a chart draws. Pure: no Django, no clock.

A resolution is named by its step in seconds. A row of step 60 that is stamped 12:00:00 tells of 12:00:00 up to, not
including, 12:01:00.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

TICK: Final = 10  # seconds: the finest resolution, made from the registry itself
MINUTE: Final = 60
STEPS: Final = (TICK, MINUTE, 600, 3_600)
# How much time one partition holds, by step: some ten of them within the default retention.
PARTITION_SPANS: Final[Mapping[int, timedelta]] = {
    TICK: timedelta(minutes=30),
    MINUTE: timedelta(hours=6),
    600: timedelta(days=2),
    3_600: timedelta(days=30),
}
DRAWN_STEPS: Final = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)
MOST_POINTS: Final = 400


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a chart's time that is read at one resolution: `since` ≤ at < `until`."""

    step: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """How a chart is drawn: a point every `step` seconds, the first at `since`, made from `pieces`."""

    step: int
    since: datetime
    until: datetime
    pieces: tuple[Piece, ...]

    def moments(self) -> list[datetime]:
        """The time of each point."""
        count = -((self.since - self.until) // timedelta(seconds=self.step))
        return [self.since + timedelta(seconds=self.step * index) for index in range(count)]


def floor(moment: datetime, step: int) -> datetime:
    """The last full step at or before `moment`, in UTC."""
    seconds = int(moment.timestamp() // step) * step
    return datetime.fromtimestamp(seconds, tz=UTC)


def finer(step: int) -> int:
    """The resolution that rows of `step` are rolled up from."""
    return STEPS[STEPS.index(step) - 1]


def make_plan(
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    keep: Mapping[int, timedelta],
    rolled: Mapping[int, datetime],
    finest: int = TICK,
) -> Plan:
    """Picks the step that draws at most MOST_POINTS, and where its rows come from.

    `keep`: how long each resolution is kept; `rolled`: up to when each is rolled up; `finest`: the series' own. What is
    not rolled up yet is read at the finer resolutions, so that a chart of a month ends now too.
    """
    kept = [step for step in STEPS if step >= finest and now - keep[step] <= since]
    least = kept[0] if kept else STEPS[-1]
    step = next(
        (one for one in DRAWN_STEPS if one >= least and _points(since, until, one) <= MOST_POINTS), DRAWN_STEPS[-1]
    )
    since = floor(since, step)
    base = max(one for one in STEPS if step % one == 0)
    return Plan(step, since, until, tuple(_pieces(base, since, until, rolled, finest)))


def _points(since: datetime, until: datetime, step: int) -> float:
    return (until - since).total_seconds() / step


def _pieces(base: int, since: datetime, until: datetime, rolled: Mapping[int, datetime], finest: int) -> list[Piece]:
    pieces, begin = [], since
    for step in reversed([one for one in STEPS if finest <= one <= base]):
        end = until if step == finest else min(until, rolled.get(step, begin))
        if end > begin:
            pieces.append(Piece(step, begin, end))
            begin = end
    return pieces
