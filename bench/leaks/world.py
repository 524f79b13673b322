"""Servers and their players: who is where, and when. Times are seconds since the run began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from connmon.leaks.evidence import Floats

MINUTE = 60.0
HOUR = 3_600.0
LENGTH = 4 * HOUR  # of a run
Rng = np.random.Generator
Crowd = Callable[[Floats], Floats]  # players wanted at these moments


@dataclass(frozen=True)
class Boot:
    """One boot of one server. `joins` and `leaves` run in parallel, one place for each stay of a player."""

    server: str
    start: float
    end: float
    version: int
    joins: Floats
    leaves: Floats

    def players(self, at: Floats) -> Floats:
        """How many are there at these moments."""
        came = np.searchsorted(np.sort(self.joins), at, side="right")
        return (came - np.searchsorted(np.sort(self.leaves), at, side="right")).astype(np.float64)


@dataclass(frozen=True)
class World:
    """One run's servers. `loss`: share of reports that never arrive; `silences`: (server, from, to) without any."""

    boots: list[Boot]
    loss: float = 0.002
    silences: list[tuple[str, float, float]] = field(default_factory=list)


def steady(level: float) -> Crowd:
    """About so many players, all the time."""
    return lambda at: np.full(len(at), level)


def growing(start: float, end: float, over: float) -> Crowd:
    """A game that becomes popular within `over` seconds."""
    return lambda at: start + (end - start) * np.minimum(at / over, 1.0)


def diurnal(level: float, share: float, phase: float) -> Crowd:
    """A day's wave, by `share` of the level up and down."""
    return lambda at: level * (1 + share * np.sin(2 * np.pi * (at / (24 * HOUR) + phase)))


def any_crowd(rng: Rng, level: float) -> Crowd:
    """One of the three, gently."""
    kind = rng.integers(3)
    if kind == 0:
        return steady(level)
    if kind == 1:
        return growing(level * rng.uniform(0.6, 1), level * rng.uniform(1, 1.6), rng.uniform(1, 4) * HOUR)
    return diurnal(level, rng.uniform(0.2, 0.6), rng.uniform())


def populate(rng: Rng, server: str, start: float, end: float, crowd: Crowd, *, version: int = 142) -> Boot:
    """A boot with players who arrive at random, so that about as many are there as `crowd` wants.

    Stays are log-normal, some few minutes, some hours. The first players come within ten minutes.
    """
    mean = rng.uniform(12, 40) * MINUTE
    sigma = rng.uniform(0.6, 1.1)
    grid = np.arange(start, max(end, start + 2 * MINUTE), MINUTE, dtype=np.float64)
    wanted: Floats = crowd(grid)
    rate = np.maximum(wanted + np.gradient(wanted) * mean / MINUTE, 0) / mean  # arrivals a second
    arrivals = np.repeat(grid, rng.poisson(rate * MINUTE))
    joins = np.concatenate(
        [
            start + rng.uniform(0, 10 * MINUTE, size=int(wanted[0])),
            arrivals + rng.uniform(0, MINUTE, size=len(arrivals)),
        ]
    )
    joins = joins[joins < end - 1]
    stays = rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, size=len(joins))
    return Boot(server, start, end, version, joins, np.minimum(joins + np.maximum(stays, 20.0), end + 1))


def servers(rng: Rng, crowd: Callable[[], Crowd], *, count: int | None = None, version: int = 142) -> list[Boot]:
    """One to three servers that run all the time; they began shortly before or after the run did."""
    number = count or int(rng.integers(1, 4))
    return [
        populate(rng, f"server-{index}", rng.uniform(0, 5 * MINUTE), LENGTH, crowd(), version=version)
        for index in range(number)
    ]
