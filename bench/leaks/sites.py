"""What code at one creation site does on one server: when each of its connections opens and closes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.leaks.world import HOUR, MINUTE, Boot, Rng
from connmon.leaks.evidence import Floats, Ints

NEVER = np.inf
ORPHANED_AFTER = 60.0  # the agent's grace
STALE_AFTER = 300.0  # STALE_CONNECTION_THRESHOLD
CLEAN_EVERY = 300.0  # the agent's cleaning passes


@dataclass(frozen=True)
class Lives:
    """Connections. `owners`: the place of the player's stay in the boot, or -1 for the service's own.

    `orphaned` and `stale`: from when the agent calls it so. `leaked`: whether it should have closed and did not.
    """

    births: Floats
    deaths: Floats
    owners: Ints
    orphaned: Floats
    stale: Floats
    leaked: np.ndarray[tuple[int], np.dtype[np.bool_]]


Site = Callable[[Rng, Boot], Lives]


def lives(
    births: Floats,
    deaths: Floats,
    owners: Ints | None = None,
    *,
    orphaned: Floats | None = None,
    stale: Floats | None = None,
    leaked: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None,
) -> Lives:
    """Lives with what most sites have not left out."""
    size = len(births)
    return Lives(
        births,
        deaths,
        np.full(size, -1, dtype=np.int64) if owners is None else owners,
        np.full(size, NEVER) if orphaned is None else orphaned,
        np.full(size, NEVER) if stale is None else stale,
        np.zeros(size, dtype=bool) if leaked is None else leaked,
    )


def join(*parts: Lives) -> Lives:
    """What several do at one site."""
    columns = zip(*((p.births, p.deaths, p.owners, p.orphaned, p.stale, p.leaked) for p in parts), strict=True)
    return Lives(*(np.concatenate(column) for column in columns))


def moments(rng: Rng, rate: float, start: float, end: float) -> Floats:
    """Random moments, `rate` a second on average."""
    span = max(end - start, 0.0)
    return start + np.sort(rng.uniform(0, span, size=rng.poisson(rate * span)))


# --- healthy sites


def permanent(count: int) -> Site:
    """Connected at the start, for good."""

    def site(rng: Rng, boot: Boot) -> Lives:
        return lives(boot.start + rng.uniform(0, 20, size=count), np.full(count, NEVER))

    return site


def per_player(each: int, *, owned: bool, extra: float = 0.0, teardown: tuple[float, float] = (0.0, 3.0)) -> Site:
    """`each` for every player who comes, and `extra` more on average; closed when he leaves, a little later."""

    def site(rng: Rng, boot: Boot) -> Lives:
        counts = each + rng.poisson(extra, size=len(boot.joins))
        owners = np.repeat(np.arange(len(boot.joins)), counts)
        births = boot.joins[owners] + rng.exponential(1.5, size=len(owners))
        deaths = boot.leaves[owners] + rng.uniform(*teardown, size=len(owners))
        gone = boot.leaves[owners] + ORPHANED_AFTER if owned else None
        return lives(births, np.maximum(deaths, births), owners if owned else None, orphaned=gone)

    return site


def per_use(per_minute: float, life: float, *, owned: bool) -> Site:
    """Each player uses something now and then: a connection for `life` seconds on average."""

    def site(rng: Rng, boot: Boot) -> Lives:
        counts = rng.poisson(per_minute * (boot.leaves - boot.joins) / MINUTE)
        owners = np.repeat(np.arange(len(boot.joins)), counts)
        stay = (boot.leaves - boot.joins)[owners]
        births = boot.joins[owners] + rng.uniform(size=len(owners)) * stay
        deaths = np.minimum(births + rng.exponential(life, size=len(owners)), boot.leaves[owners])
        return lives(births, deaths, owners if owned else None)

    return site


def churn(level: float, life: float) -> Site:
    """Things in the world that come and go whoever plays: about `level` of them, log-normal lives."""

    def site(rng: Rng, boot: Boot) -> Lives:
        births = np.concatenate(
            [
                boot.start + rng.uniform(0, MINUTE, size=int(level)),
                moments(rng, level / life, boot.start, boot.end),
            ]
        )
        return lives(births, births + rng.lognormal(np.log(life) - 0.18, 0.6, size=len(births)))

    return site


def rounds(length: float, at_start: int, per_minute: float) -> Site:
    """Opened at a round's start and during it, all closed at its end."""

    def site(rng: Rng, boot: Boot) -> Lives:
        births, deaths = [], []
        start = boot.start + rng.uniform(0, length)
        while start < boot.end:
            end = start + length * rng.uniform(0.85, 1.1)
            made = np.concatenate(
                [start + rng.uniform(0, 10, size=at_start), moments(rng, per_minute / MINUTE, start, end)]
            )
            births.append(made)
            deaths.append(np.full(len(made), end))
            start = end + rng.uniform(15, 45)
        return lives(np.concatenate(births), np.concatenate(deaths))

    return site


def step(at: float, count: int, within: float) -> Site:
    """A feature is switched on: `count` more, for good."""

    def site(rng: Rng, boot: Boot) -> Lives:
        size = count if boot.start <= at < boot.end else 0
        return lives(at + rng.uniform(0, within, size=size), np.full(size, NEVER))

    return site


def cache(size: int, tau: float) -> Site:
    """Fills by what is asked for and not there yet: fast first, then ever slower; never emptied."""

    def site(rng: Rng, boot: Boot) -> Lives:
        births = boot.start + rng.exponential(tau, size=size)
        return lives(births, np.full(size, NEVER))

    return site


def capped_cache(size: int, fill: float) -> Site:
    """Fills evenly, then throws the oldest out for each new one."""

    def site(rng: Rng, boot: Boot) -> Lives:
        births = moments(rng, size / fill, boot.start, boot.end)
        deaths = np.full(len(births), NEVER)
        deaths[: max(len(births) - size, 0)] = births[size:]
        return lives(births, deaths)

    return site


def popular_cache(size: int, per_minute: float, skew: float) -> Site:
    """One entry for each key that was ever asked for; few keys are asked for often, most rarely."""

    def site(rng: Rng, boot: Boot) -> Lives:
        asked = moments(rng, per_minute / MINUTE, boot.start, boot.end)
        weights = np.arange(1, size + 1) ** -skew
        keys = rng.choice(size, size=len(asked), p=weights / weights.sum())
        _, first = np.unique(keys, return_index=True)
        births = asked[np.sort(first)]
        return lives(births, np.full(len(births), NEVER))

    return site


def collecting(most: int, tau: float) -> Site:
    """Each player collects things, up to about `most`, ever slower; all go when he leaves."""

    def site(rng: Rng, boot: Boot) -> Lives:
        owners = np.repeat(np.arange(len(boot.joins)), rng.poisson(most, size=len(boot.joins)))
        births = boot.joins[owners] + rng.exponential(tau, size=len(owners))
        there = births < boot.leaves[owners]
        owners, births = owners[there], births[there]
        return lives(births, boot.leaves[owners] + rng.uniform(0, 2, size=len(owners)), owners)

    return site


def swept_stale(each: int) -> Site:
    """Disconnected by the engine with the thing it hung on, still registered until the agent's next pass."""

    def site(rng: Rng, boot: Boot) -> Lives:
        base = churn(each, 4 * MINUTE)(rng, boot)
        deaths = base.deaths + rng.uniform(30, CLEAN_EVERY + 30, size=len(base.deaths))
        return lives(base.births, deaths, stale=base.deaths + 30)

    return site


# --- leaks


def left_behind(
    share: float, each: int, *, watched: bool, since: float = 0.0, player: int | None = None, version: int | None = None
) -> Site:
    """Of the connections of a player who leaves, `share` stays connected.

    An agent closes everything of a player by itself, but what it only watches, and what is registered for a player
    who is gone already: the first stays for good, the second until it is cleaned as stale. `player`: only every so
    many stays are one particular player's, whose connections alone stay.
    """

    def site(rng: Rng, boot: Boot) -> Lives:
        owners = np.repeat(np.arange(len(boot.joins)), each)
        births = boot.joins[owners] + rng.exponential(1.5, size=len(owners))
        left = boot.leaves[owners]
        leaked = (rng.uniform(size=len(owners)) < share) & (left > since) & (left < boot.end)
        if player is not None:
            leaked &= owners % player == 0
        if version is not None and boot.version != version:
            leaked[:] = False
        swept = left + STALE_AFTER + rng.uniform(0, CLEAN_EVERY, size=len(owners))
        late = np.full(len(owners), NEVER) if watched else swept
        deaths = np.where(leaked, late, np.maximum(left + rng.uniform(0, 2, size=len(owners)), births))
        orphaned = np.where(leaked, left + ORPHANED_AFTER, NEVER)
        return lives(births, deaths, owners, orphaned=orphaned, leaked=leaked)

    return site


def ownerless(per_hour: float, base: float) -> Site:
    """Somewhere a handler is connected again and again, by a timer."""

    def site(rng: Rng, boot: Boot) -> Lives:
        births = moments(rng, per_hour / HOUR, boot.start, boot.end)
        lost = lives(births, np.full(len(births), NEVER), leaked=np.ones(len(births), dtype=bool))
        return join(churn(base, 5 * MINUTE)(rng, boot), lost)

    return site


def overwritten(per_minute: float) -> Site:
    """Each use connects anew and forgets the handle of the last time, which stays connected."""

    def site(rng: Rng, boot: Boot) -> Lives:
        used = per_use(per_minute, 1.0, owned=False)(rng, boot).births
        return lives(used, np.full(len(used), NEVER), leaked=np.ones(len(used), dtype=bool))

    return site


def left_by_rounds(length: float, at_start: int, lost: float) -> Site:
    """As `rounds`, but `lost` of each round's connections on average are forgotten."""

    def site(rng: Rng, boot: Boot) -> Lives:
        base = rounds(length, at_start, 0.0)(rng, boot)
        leaked = rng.uniform(size=len(base.births)) < lost / at_start
        return lives(base.births, np.where(leaked, NEVER, base.deaths), leaked=leaked)

    return site


def per_respawn(every: float, each: int) -> Site:
    """`each` more whenever a player's character comes back; they go only when the player does."""

    def site(rng: Rng, boot: Boot) -> Lives:
        counts = 1 + rng.poisson((boot.leaves - boot.joins) / every)
        owners = np.repeat(np.arange(len(boot.joins)), counts * each)
        stay = (boot.leaves - boot.joins)[owners]
        births = boot.joins[owners] + rng.uniform(size=len(owners)) * stay
        deaths = boot.leaves[owners] + rng.uniform(0, 2, size=len(owners))
        return lives(births, deaths, owners, leaked=np.ones(len(owners), dtype=bool))

    return site


def kept(per_minute: float) -> Site:
    """Disconnected by the game's own code and never unregistered, where the agent may not clean by itself."""

    def site(rng: Rng, boot: Boot) -> Lives:
        base = churn(per_minute * 4, 4 * MINUTE)(rng, boot)
        leaked = rng.uniform(size=len(base.births)) < 0.5
        return lives(
            base.births,
            np.where(leaked, NEVER, base.deaths),
            stale=np.where(leaked, base.deaths + 30, NEVER),
            leaked=leaked,
        )

    return site
