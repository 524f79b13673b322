"""A run as connmon sees it: registries as the last reports left them, looked at once a minute, verdicts in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.leaks.classes import Run
from bench.leaks.sites import Lives
from bench.leaks.world import LENGTH, MINUTE, Boot, Rng, World
from connmon.leaks.evidence import NO_OWNERS, Floats, Ints, Remnant, Track

EPOCH = 1_790_000_000.0  # Unix seconds at which every run begins
INTERVAL = 10.0  # between reports
LEASE = 30.0  # without a report, then a server is silent
GROWTH_EVERY = 5  # minutes between two looks at what neither grows nor leaves remnants: connmon looks each minute
SEEN_HOURS = 6


@dataclass(frozen=True)
class Seen:
    """One site on one boot: its lives, and its counts at the looks of `looks`."""

    boot: Boot
    lives: Lives
    looks: Floats  # seconds, each minute in which the server was not silent
    reports: Floats  # the report that stood at each look
    live: Floats
    drivers: Floats


def look_at(rng: Rng, run: Run) -> dict[str, list[Seen]]:
    """Everything that will be known of a run, by site."""
    heard = [(boot, *_reports(rng, run.world, boot)) for boot in run.world.boots]
    return {
        name: [_see(boot, site(rng, boot), looks, reports) for boot, looks, reports in heard]
        for name, site in run.sites.items()
    }


def _reports(rng: Rng, world: World, boot: Boot) -> tuple[Floats, Floats]:
    """(looks, the last report before each), without the looks at which the server was silent."""
    sent: Floats = np.arange(boot.start + rng.uniform(0, INTERVAL), boot.end, INTERVAL, dtype=np.float64)
    arrived = sent[rng.uniform(size=len(sent)) >= world.loss]
    for server, start, end in world.silences:
        if server == boot.server:
            arrived = arrived[(arrived < start) | (arrived > end)]
    looks: Floats = np.arange(0, LENGTH, MINUTE, dtype=np.float64)
    looks = looks[(looks > boot.start) & (looks < boot.end + LEASE)]
    if len(arrived) == 0:
        return looks[:0], looks[:0]
    place = np.searchsorted(arrived, looks, side="right") - 1
    reports = arrived[np.maximum(place, 0)]
    heard = (place >= 0) & (looks - reports < LEASE)
    return looks[heard], reports[heard]


def _see(boot: Boot, lives: Lives, looks: Floats, reports: Floats) -> Seen:
    live = _count(lives.births, lives.deaths, reports)
    is_owned = len(lives.owners) > 0 and bool((lives.owners >= 0).any())
    drivers = _owners(lives, reports) if is_owned else boot.players(reports)
    return Seen(boot, lives, looks, reports, live, drivers)


def _count(births: Floats, deaths: Floats, at: Floats) -> Floats:
    came = np.searchsorted(np.sort(births), at, side="right")
    return (came - np.searchsorted(np.sort(deaths), at, side="right")).astype(np.float64)


def _owners(lives: Lives, at: Floats) -> Floats:
    """How many different owners had anything open."""
    found = np.zeros(len(at))
    for index, moment in enumerate(at):
        alive = (lives.births <= moment) & (lives.deaths > moment)
        found[index] = np.count_nonzero(np.bincount(lives.owners[alive]))
    return found


def moments(first: int = 20) -> Iterator[float]:
    """Each minute of a run, Unix seconds."""
    for minute in range(first, int(LENGTH / MINUTE)):
        yield EPOCH + minute * MINUTE


def is_worth_a_look(now: float) -> bool:
    """Whether a site that neither grew at the last look nor leaves remnants is looked at."""
    return (now - EPOCH) % (GROWTH_EVERY * MINUTE) == 0


def has_remnants(lives: Lives) -> bool:
    return bool((np.minimum(lives.orphaned, lives.stale) < lives.deaths).any())


def tracks(seen: list[Seen], now: float) -> list[Track]:
    """What the rule is given at `now`: tracks of the servers that are not silent then."""
    at = now - EPOCH
    return [track for one in seen if (track := _track(one, at)) is not None]


def _track(seen: Seen, at: float) -> Track | None:
    if not seen.boot.start < at < seen.boot.end:
        return None
    end = int(np.searchsorted(seen.looks, at, side="right"))
    if end == 0 or at - seen.looks[end - 1] >= MINUTE:
        return None
    report, lives = seen.reports[end - 1], seen.lives
    alive = (lives.births <= report) & (lives.deaths > report)
    owners: Ints = lives.owners[alive]
    begin = max(0, end - SEEN_HOURS * 60)
    return Track(
        server=seen.boot.server,
        booted_at=EPOCH + seen.boot.start,
        place_version=seen.boot.version,
        times=EPOCH + seen.looks[begin:end],
        live=seen.live[begin:end],
        players=seen.drivers[begin:end],
        births=EPOCH + np.sort(lives.births[alive]) if not (owners >= 0).any() else EPOCH + lives.births[alive],
        present=int(seen.boot.players(np.array([report]))[0]),
        owners=owners if (owners >= 0).any() else NO_OWNERS,
        remnants=tuple(_remnants(seen, alive, report)),
    )


def _remnants(seen: Seen, alive: np.ndarray[tuple[int], np.dtype[np.bool_]], report: float) -> Iterator[Remnant]:
    lives = seen.lives
    for place in np.flatnonzero(alive & ((lives.orphaned <= report) | (lives.stale <= report))):
        disconnected = bool(lives.stale[place] <= report)
        began = lives.stale[place] if disconnected else lives.orphaned[place]
        first = seen.looks[np.searchsorted(seen.reports, began)]
        yield Remnant(f"player:{lives.owners[place]}", EPOCH + lives.births[place], EPOCH + first, disconnected)
