"""The classes of the corpus: healthy games, and games with one leak. docs/leaks.md describes each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.leaks import sites
from bench.leaks.sites import Site
from bench.leaks.world import (
    HOUR,
    LENGTH,
    MINUTE,
    Boot,
    Rng,
    World,
    any_crowd,
    diurnal,
    growing,
    populate,
    servers,
    steady,
)

LEAK = "Leaking:118"


@dataclass(frozen=True)
class Run:
    """One game for one afternoon: its servers, and what each creation site does. A leak is at the site LEAK."""

    world: World
    sites: dict[str, Site]


Make = Callable[[Rng], Run]


def ordinary(rng: Rng) -> dict[str, Site]:
    """Sites that every game has."""
    return {
        "Setup:10": sites.permanent(int(rng.integers(3, 40))),
        "Players:20": sites.per_player(int(rng.integers(1, 8)), owned=True, extra=rng.uniform(0, 2)),
        "Handlers:30": sites.per_player(int(rng.integers(1, 5)), owned=False, extra=rng.choice([0.0, 1.5])),
        "Tools:40": sites.per_use(rng.uniform(0.2, 2), rng.uniform(0.5, 6) * MINUTE, owned=True),
        "World:50": sites.churn(rng.uniform(10, 150), rng.uniform(2, 15) * MINUTE),
    }


def level(rng: Rng) -> float:
    """Players on a server."""
    return float(rng.uniform(6, 60))


def _anywhere(rng: Rng) -> World:
    return World(servers(rng, lambda: any_crowd(rng, level(rng))))


def churn(rng: Rng) -> Run:
    world = World(servers(rng, lambda: steady(level(rng))))
    return Run(world, ordinary(rng) | {"Hinges:60": sites.swept_stale(int(rng.integers(5, 40)))})


def growth(rng: Rng) -> Run:
    over = rng.uniform(1, 4) * HOUR
    world = World(servers(rng, lambda: growing(rng.uniform(3, 10), rng.uniform(25, 80), over)))
    return Run(world, ordinary(rng) | {"Pairs:60": sites.per_use(rng.uniform(0.5, 2), 10 * MINUTE, owned=False)})


def day(rng: Rng) -> Run:
    phase = rng.uniform()
    return Run(World(servers(rng, lambda: diurnal(level(rng), rng.uniform(0.4, 0.9), phase))), ordinary(rng))


def round_games(rng: Rng) -> Run:
    length = rng.uniform(3, 25) * MINUTE
    of_rounds = sites.rounds(length, int(rng.integers(5, 120)), rng.uniform(0, 6))
    return Run(_anywhere(rng), ordinary(rng) | {"Round:60": of_rounds})


def feature_steps(rng: Rng) -> Run:
    found = {
        f"Feature:{60 + index}": sites.step(
            rng.uniform(0.4, 3.5) * HOUR, int(rng.integers(10, 200)), rng.uniform(1, 120)
        )
        for index in range(int(rng.integers(1, 4)))
    }
    return Run(_anywhere(rng), ordinary(rng) | found)


def filling_cache(rng: Rng) -> Run:
    kind = rng.integers(3)
    if kind == 0:
        site = sites.cache(int(rng.integers(40, 400)), rng.uniform(5, 60) * MINUTE)
    elif kind == 1:
        site = sites.capped_cache(int(rng.integers(40, 400)), rng.uniform(5, 40) * MINUTE)
    else:
        site = sites.popular_cache(int(rng.integers(100, 2_000)), rng.uniform(2, 30), rng.uniform(0.8, 1.4))
    return Run(_anywhere(rng), ordinary(rng) | {"Cache:60": site})


def reconnect_storms(rng: Rng) -> Run:
    """Everybody is thrown out and comes back within a minute or two."""

    def storm(boot: Boot) -> Boot:
        joins, leaves = boot.joins, boot.leaves
        for at in rng.uniform(boot.start + 20 * MINUTE, boot.end - 5 * MINUTE, size=rng.integers(1, 6)):
            hit = (joins < at) & (leaves > at + 180)
            back = at + rng.uniform(5, 120, size=int(hit.sum()))
            joins, leaves = np.concatenate([joins, back]), np.concatenate([np.where(hit, at, leaves), leaves[hit]])
        return Boot(boot.server, boot.start, boot.end, boot.version, joins, leaves)

    world = _anywhere(rng)
    return Run(World([storm(boot) for boot in world.boots]), ordinary(rng))


def agents_restarting(rng: Rng) -> Run:
    """The agent starts anew under players who stay: everything is registered anew, at once."""
    boots = []
    for boot in _anywhere(rng).boots:
        cuts = np.sort(rng.uniform(boot.start + 10 * MINUTE, boot.end, size=rng.integers(1, 6)))
        for start, end in zip([boot.start, *cuts], [*cuts, boot.end], strict=True):
            there = (boot.joins < end - 1) & (boot.leaves > start)
            joins, leaves = np.maximum(boot.joins[there], start), np.minimum(boot.leaves[there], end + 1)
            boots.append(Boot(boot.server, start, end, boot.version, joins, leaves))
    return Run(World(boots), ordinary(rng))


def deploys(rng: Rng) -> Run:
    """A new version: servers end one after the other, new ones fill up."""
    boots = []
    for index in range(int(rng.integers(2, 5))):
        crowd, begin = any_crowd(rng, level(rng)), 0.0
        cuts = np.sort(rng.uniform(0.5 * HOUR, LENGTH, size=rng.integers(1, 3)))
        for number, end in enumerate([*cuts, LENGTH]):
            boots.append(populate(rng, f"server-{index}-{number}", begin, float(end), crowd, version=142 + number))
            begin = float(end) + rng.uniform(5, 60)
    return Run(World(boots), ordinary(rng))


def lost_reports(rng: Rng) -> Run:
    world = _anywhere(rng)
    silences = [
        (boot.server, float(start), float(start + rng.uniform(1, 15) * MINUTE))
        for boot in world.boots
        for start in rng.uniform(0, LENGTH, size=rng.integers(0, 6))
    ]
    return Run(World(world.boots, loss=rng.uniform(0.05, 0.4), silences=silences), ordinary(rng))


def quiet_types(rng: Rng) -> Run:
    rare = sites.churn(rng.uniform(3, 12), rng.uniform(0.5, 2) * HOUR)
    return Run(_anywhere(rng), ordinary(rng) | {"Quiet:60": rare, "Doors:70": sites.permanent(300)})


def huge_servers(rng: Rng) -> Run:
    world = World(servers(rng, lambda: any_crowd(rng, rng.uniform(200, 600)), count=1))
    crowd = sites.per_use(rng.uniform(0.5, 3), 3 * MINUTE, owned=False)
    return Run(world, ordinary(rng) | {"Crowd:60": crowd, "Monsters:70": sites.churn(rng.uniform(500, 3_000), 600)})


def slow_teardown(rng: Rng) -> Run:
    """A player's data is saved after he left: his handlers live for one or two minutes more."""
    slow = sites.per_player(int(rng.integers(1, 5)), owned=True, teardown=(20, rng.uniform(70, 150)))
    return Run(_anywhere(rng), ordinary(rng) | {"Saving:60": slow})


def collections(rng: Rng) -> Run:
    most, tau = int(rng.integers(5, 40)), rng.uniform(3, 12) * MINUTE
    return Run(_anywhere(rng), ordinary(rng) | {"Plot:60": sites.collecting(most, tau)})


def _leaking(site: Callable[[Rng], Site]) -> Make:
    def make(rng: Rng) -> Run:
        return Run(_anywhere(rng), ordinary(rng) | {LEAK: site(rng)})

    return make


def _left(share: float) -> Make:
    return _leaking(lambda rng: sites.left_behind(share, int(rng.integers(1, 12)), watched=bool(rng.integers(2))))


def one_version(rng: Rng) -> Run:
    """Two versions side by side; the newer one leaks."""
    boots = [
        populate(rng, f"server-{index}", 0.0, LENGTH, any_crowd(rng, level(rng)), version=141 + index % 2)
        for index in range(int(rng.integers(2, 5)))
    ]
    leak = sites.left_behind(0.25, int(rng.integers(1, 12)), watched=bool(rng.integers(2)), version=142)
    return Run(World(boots), ordinary(rng) | {LEAK: leak})


CLEAN: dict[str, Make] = {
    "churn": churn,
    "growth": growth,
    "diurnal": day,
    "rounds": round_games,
    "feature_steps": feature_steps,
    "filling_cache": filling_cache,
    "reconnect_storms": reconnect_storms,
    "agents_restarting": agents_restarting,
    "deploys": deploys,
    "lost_reports": lost_reports,
    "quiet_types": quiet_types,
    "huge_servers": huge_servers,
    "slow_teardown": slow_teardown,
    "collecting": collections,
}
LEAKING: dict[str, Make] = {
    "leave_25": _left(0.25),
    "leave_4": _left(0.04),
    "leave_1": _left(0.01),
    "late_start": _leaking(
        lambda rng: sites.left_behind(
            0.25, int(rng.integers(1, 12)), watched=bool(rng.integers(2)), since=rng.uniform(1, 3) * HOUR
        )
    ),
    "one_player": _leaking(
        lambda rng: sites.left_behind(
            1.0, int(rng.integers(1, 12)), watched=bool(rng.integers(2)), player=int(rng.integers(15, 60))
        )
    ),
    "one_version": one_version,
    "per_round": _leaking(
        lambda rng: sites.left_by_rounds(rng.uniform(3, 12) * MINUTE, int(rng.integers(12, 60)), rng.uniform(1, 8))
    ),
    "per_respawn": _leaking(lambda rng: sites.per_respawn(rng.uniform(0.7, 4) * MINUTE, int(rng.integers(1, 3)))),
    "ownerless_fast": _leaking(lambda rng: sites.ownerless(rng.uniform(60, 300), rng.uniform(0, 60))),
    "ownerless_slow": _leaking(lambda rng: sites.ownerless(rng.uniform(9, 24), rng.uniform(0, 30))),
    "overwritten_handle": _leaking(lambda rng: sites.overwritten(rng.uniform(0.03, 0.3))),
    "kept_after_disconnect": _leaking(lambda rng: sites.kept(rng.uniform(0.3, 4))),
}
LEAVE_TYPE = ("leave_25", "leave_4", "leave_1", "late_start", "one_player", "one_version")
