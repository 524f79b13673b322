"""Surviving cohorts: whether connections of all ages are still alive, not a few old ones and many young. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from connmon.leaks.evidence import Floats, Ints, Track
from connmon.leaks.growth import MINUTE, WINDOW, longest_round

START_UP: Final = 2 * MINUTE  # what a boot, or a player's arrival, sets up
YOUNG: Final = 15 * MINUTE  # too young to say that it survives
LEAST_SPAN: Final = 20 * MINUTE
BUCKET: Final = 5 * MINUTE
LEAST_BUCKETS: Final = 4.0  # effective number: a step or a storm fills one or two
STEADY: Final = 1.3  # standard deviations that the younger half may fall short of the older: a filling cache does more
LEAST: Final = 8  # survivors
LEAST_PILE: Final = 3  # of one owner
LEAST_OWNERS: Final = 3
OWNER_SPAN: Final = 10 * MINUTE  # an owner's stay, without its beginning and end
TAIL: Final = 0.6  # older half over younger half: what only lives long comes below
PILING_OWNERS: Final = 0.5  # share of owners that were there long enough


@dataclass(frozen=True, slots=True)
class Survivors:
    """Those of one site that are neither of a start-up nor young; `older` and `younger` half of the time."""

    count: int
    older: int
    younger: int
    buckets: float  # effective number of BUCKETs that hold them
    owners: int = 0

    @property
    def is_spread(self) -> bool:
        """Not of one moment."""
        return self.count >= LEAST and self.buckets >= LEAST_BUCKETS

    @property
    def is_steady(self) -> bool:
        """As many came to stay lately as before: nothing is filling up, and nothing merely lives long."""
        shortfall = self.older - self.younger
        return shortfall <= STEADY * self.count**0.5 and self.older >= TAIL * self.younger


def find_survivors(tracks: Sequence[Track], *, now: float) -> Survivors:
    """Of all servers together, since their boots."""
    parts = [_survivors_of(track, now=now) for track in tracks]
    counts = _add([buckets for _, _, buckets in parts])
    older, younger = sum(part[0] for part in parts), sum(part[1] for part in parts)
    return Survivors(older + younger, older, younger, _effective(counts))


def _survivors_of(track: Track, *, now: float) -> tuple[int, int, Floats]:
    begin = max(track.booted_at + START_UP, now - WINDOW)
    old = max(YOUNG, longest_round(track.times, track.live, track.players)) if len(track.times) else YOUNG
    end = now - old
    if end - begin < LEAST_SPAN:
        return 0, 0, np.zeros(0)
    births = track.births[(track.births > begin) & (track.births <= end)]
    older = int(np.count_nonzero(births <= (begin + end) / 2))
    buckets = np.bincount(((now - births) // BUCKET).astype(np.int64)).astype(np.float64)
    return older, len(births) - older, buckets


def find_piles(tracks: Sequence[Track], *, now: float) -> Survivors | None:
    """Of sites that players own: whether each player holds more the longer it stays. None: nobody stayed for long."""
    parts = [_pile(births, now) for track in tracks if track.is_owned for births in _by_owner(track)]
    seen = [part for part in parts if part is not None]
    piling = [part for part in seen if sum(part) >= LEAST_PILE]
    if len(seen) < LEAST_OWNERS or len(piling) < max(LEAST_OWNERS, PILING_OWNERS * len(seen)):
        return None
    older, younger = sum(part[0] for part in seen), sum(part[1] for part in seen)
    if older + younger < LEAST:
        return None
    return Survivors(older + younger, older, younger, float(len(piling)), owners=len(piling))


def _pile(births: Floats, now: float) -> tuple[int, int] | None:
    """An owner's survivors from the older and the younger half of its stay; None if it was too short."""
    begin, end = births[0] + START_UP, now - YOUNG
    if end - begin < OWNER_SPAN:
        return None
    middle = births[(births > begin) & (births <= end)]
    older = int(np.count_nonzero(middle <= (begin + end) / 2))
    return older, len(middle) - older


def _by_owner(track: Track) -> list[Floats]:
    order = np.lexsort((track.births, track.owners))
    numbers, births = track.owners[order], track.births[order]
    return np.split(births, np.flatnonzero(np.diff(numbers)) + 1)


def owner_counts(owners: Ints) -> Ints:
    """Connections by owner number."""
    return np.bincount(owners)


def _effective(counts: Floats) -> float:
    """Number of buckets that would hold as much if all held the same (inverse Simpson index)."""
    total = float(counts.sum())
    return total * total / float(counts @ counts) if total else 0.0


def _add(parts: Sequence[Floats]) -> Floats:
    total = np.zeros(max((len(part) for part in parts), default=0))
    for part in parts:
        total[: len(part)] += part
    return total
