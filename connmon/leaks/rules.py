"""The verdict on one creation site. Pure: values in, value out; docs/leaks.md tells the rules in words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from connmon.leaks.cohorts import find_piles, find_survivors, owner_counts
from connmon.leaks.evidence import Line, Track, Verdict
from connmon.leaks.growth import MINUTE, find_growth
from connmon.leaks.remnants import judge_remnants, players_of, versions_of
from connmon.leaks.states import Cause, Rung, rank

PERSIST: Final = 15 * MINUTE  # growth must be there at every look for so long
FORGET: Final = 5 * MINUTE  # without a look; then it begins anew
ACCOUNTED: Final = (0.6, 3.0)  # survivors by growth: they make it up, and there are not many more who live long anyway
HOARD: Final = 8.0  # times the median of the peers
LEAST_HOARD: Final = 30  # connections of one owner
PEERS: Final = 4


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of a site between two looks: since when it grows, and when that was last seen."""

    since: float
    seen: float


def judge(tracks: Sequence[Track], watch: Watch | None, *, now: float) -> tuple[Verdict | None, Watch | None]:
    """What is to be said of a site, and what to remember until the next look.

    `tracks` are those of its reporting servers alone: nothing is said of silent ones.
    """
    growing = _surest(_judge_growth(group, now=now) for group in _by_version(tracks))
    if tracks:
        watch = _remember(watch, growing, now=now)
    if growing is not None and growing.rung is Rung.LIKELY and (watch is None or now - watch.since < PERSIST):
        growing = None
    found = (judge_remnants(tracks, now=now), growing, _judge_hoard(tracks, now=now))
    return _surest(found), watch


def _remember(watch: Watch | None, growing: Verdict | None, *, now: float) -> Watch | None:
    if growing is None or growing.rung is not Rung.LIKELY:
        return None
    goes_on = watch is not None and now - watch.seen <= FORGET
    return Watch(watch.since if watch is not None and goes_on else now, now)


def _by_version(tracks: Sequence[Track]) -> list[list[Track]]:
    groups: dict[int | None, list[Track]] = defaultdict(list)
    for track in tracks:
        groups[track.place_version].append(track)
    return list(groups.values())


def _surest(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    found = [verdict for verdict in verdicts if verdict is not None]
    return min(found, key=lambda verdict: (rank(verdict.rung), -verdict.count), default=None)


def _judge_growth(tracks: Sequence[Track], *, now: float) -> Verdict | None:
    """Likely, were it to persist, or Suspect."""
    piles = find_piles(tracks, now=now)
    if piles is not None and piles.is_steady:
        return _say(Rung.LIKELY, Cause.PILING, tracks, piles.count, now=now)
    if any(track.is_owned for track in tracks):
        return None  # players own it: all of it goes with them, what stays is a remnant
    survivors = find_survivors(tracks, now=now)
    if not survivors.is_spread:
        return None
    line = find_growth(tracks, now=now)
    if line is None:
        return None
    likely = survivors.is_steady and ACCOUNTED[0] <= survivors.count / line.rise <= ACCOUNTED[1]
    return _say(Rung.LIKELY if likely else Rung.SUSPECT, Cause.GROWING, tracks, round(line.rise), line=line, now=now)


def _judge_hoard(tracks: Sequence[Track], *, now: float) -> Verdict | None:
    """Suspect, of one owner far above its peers."""
    for track in tracks:
        if not track.is_owned:
            continue
        counts = owner_counts(track.owners)
        held = np.sort(counts[counts > 0])
        if len(held) > PEERS and held[-1] >= max(LEAST_HOARD, HOARD * float(np.median(held))):
            name = track.owner_names[int(counts.argmax())] if track.owner_names else ""
            return _say(Rung.SUSPECT, Cause.HOARDING, [track], int(held[-1]), owners=(name,), now=now)
    return None


def _say(
    rung: Rung,
    cause: Cause,
    tracks: Sequence[Track],
    count: int,
    *,
    now: float,
    line: Line | None = None,
    owners: tuple[str, ...] = (),
) -> Verdict:
    return Verdict(
        rung=rung,
        cause=cause,
        count=count,
        since=line.start if line else now,
        servers=tuple(track.server for track in tracks),
        place_versions=versions_of(tracks),
        players=players_of(tracks),
        owners=owners,
        line=line,
    )
