"""One run through the rule, and through the rules of others."""

from __future__ import annotations

import numpy as np

from bench.leaks.classes import CLEAN, LEAK, LEAKING
from bench.leaks.observe import EPOCH, Seen, has_remnants, is_worth_a_look, look_at, moments, tracks
from bench.leaks.peers import PEERS
from bench.leaks.score import Outcome
from bench.leaks.world import LENGTH, MINUTE, Rng
from connmon.leaks.evidence import Floats, Verdict
from connmon.leaks.rules import Watch, judge
from connmon.leaks.states import Rung, rank

WARM_UP = 20  # minutes that the peers are spared too
PEERS_EVERY = 5  # minutes between two looks of theirs
TIME_LEFT = 30 * MINUTE  # a leak whose first connection comes later is another seed's


def run_one(name: str, seed: int) -> Outcome:
    """One seed of one class."""
    rng = np.random.default_rng(seed)
    seen, began = make_run(name, rng)
    surest: Verdict | None = None
    wrong: set[str] = set()
    caught: float | None = None
    for site, parts in seen.items():
        verdict, at, highest = _follow(parts)
        if highest is not None and (surest is None or rank(highest.rung) < rank(surest.rung)):
            surest = highest
        if verdict is not None and at is not None:
            if site == LEAK:
                caught = at
            else:
                wrong.add(f"{site} {verdict.rung.value} {verdict.cause.value}")
    minutes = (caught - EPOCH - began) / MINUTE if caught is not None and began is not None else None
    return Outcome(
        name=name,
        seed=seed,
        is_leak=name in LEAKING,
        surest=surest.rung.value if surest else None,
        false_confirmed=sum(" confirmed " in one for one in wrong),
        wrong_sites=tuple(sorted(wrong)),
        minutes=minutes,
        peers=_ask_peers(seen, began or 0.0),
    )


def make_run(name: str, rng: Rng) -> tuple[dict[str, list[Seen]], float | None]:
    """A run of the class; of a leaking one the next that really leaks, with the moment of its first leaked one."""
    if name in CLEAN:
        run = CLEAN[name](rng)
        return look_at(rng, run), None
    while True:
        run = LEAKING[name](rng)
        seen = look_at(rng, run)
        began = _first_leak(seen[LEAK])
        if began is not None and began < LENGTH - TIME_LEFT:
            return seen, began


def _first_leak(parts: list[Seen]) -> float | None:
    """When the first connection should have closed and did not: for one that an owner left, when he left."""
    found = []
    for part in parts:
        lives = part.lives
        since = np.where(np.isfinite(lives.orphaned), lives.orphaned - 60, lives.births)
        since = np.where(np.isfinite(lives.stale), lives.stale, since)
        inside = lives.leaked & (since < part.boot.end)
        found += [float(since[inside].min())] if inside.any() else []
    return min(found, default=None)


def _follow(parts: list[Seen]) -> tuple[Verdict | None, float | None, Verdict | None]:
    """The first verdict that alarms and when, and the surest of all."""
    watch: Watch | None = None
    alarm: Verdict | None = None
    at: float | None = None
    highest: Verdict | None = None
    always = any(has_remnants(part.lives) for part in parts)
    for now in moments():
        if not always and watch is None and not is_worth_a_look(now):
            continue
        found, watch = judge(tracks(parts, now), watch, now=now)
        if found is None:
            continue
        if highest is None or rank(found.rung) < rank(highest.rung):
            highest = found
        if alarm is None and found.rung is not Rung.SUSPECT:
            alarm, at = found, now
        if found.rung is Rung.CONFIRMED:
            alarm = found
            break
    return alarm, at, highest


def _ask_peers(seen: dict[str, list[Seen]], since: float) -> dict[str, float]:
    """Of the others' rules that alarm, at any look from `since` on, on the run's total: minutes until the first."""
    total = _total(seen)
    looks = [look for look in range(WARM_UP + 30, len(total) + 1, PEERS_EVERY) if look * MINUTE >= since]
    first = {name: next((at for at in looks if rule(total[WARM_UP:at])), None) for name, rule in PEERS.items()}
    return {name: at - since / MINUTE for name, at in first.items() if at is not None}


def _total(seen: dict[str, list[Seen]]) -> Floats:
    """Live connections of the whole game each minute."""
    total = np.zeros(int(LENGTH / MINUTE))
    for parts in seen.values():
        for part in parts:
            np.add.at(total, (part.looks / MINUTE).astype(np.int64), part.live)
    return total
