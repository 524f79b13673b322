"""Outcomes of runs to figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.leaks.classes import LEAVE_TYPE
from bench.leaks.peers import PEERS

DEADLINE = 120.0  # minutes in which an ownerless leak counts as caught
GOALS = (  # figure, bound, whether it is the most it may be
    ("false_confirmed", 0, True),
    ("clean_alarm_rate", 0.02, True),
    ("leave_recall", 1, False),
    ("recall of ownerless_fast", 0.9, False),
    ("recall of ownerless_slow", 0.6, False),
    ("right_site", 0.99, False),
)
OWNERLESS = ("ownerless_fast", "ownerless_slow")


@dataclass(frozen=True)
class Outcome:
    """What was said of one run. `minutes`: from the leak's first connection to the first alarm on its site."""

    name: str
    seed: int
    is_leak: bool
    surest: str | None
    false_confirmed: int
    wrong_sites: tuple[str, ...]
    minutes: float | None
    peers: dict[str, float]  # minutes to the first alarm of each other rule that alarms, likewise

    @property
    def is_caught(self) -> bool:
        return self.minutes is not None and (self.name not in OWNERLESS or self.minutes <= DEADLINE)


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of the last line; shares between 0 and 1."""
    clean = [one for one in outcomes if not one.is_leak]
    leaks = [one for one in outcomes if one.is_leak]
    caught = [one for one in leaks if one.is_caught]
    figures = {
        "clean_runs": len(clean),
        "leaking_runs": len(leaks),
        "false_confirmed": sum(one.false_confirmed for one in outcomes),
        "clean_alarm_rate": _share([bool(one.wrong_sites) for one in clean]),
        "clean_suspect_rate": _share([one.surest == "suspect" for one in clean]),
        "leak_recall": _share([one.is_caught for one in leaks]),
        "leave_recall": _share([one.is_caught for one in leaks if one.name in LEAVE_TYPE]),
        "recall": {name: _share([one.is_caught for one in leaks if one.name == name]) for name in _names(leaks)},
        "median_minutes_to_verdict": _median([one.minutes for one in caught if one.minutes is not None]),
        "right_site": _share([not one.wrong_sites for one in caught]),
        "wrong": dict(_wrong(outcomes)),
        "peers": {peer: _of_peer(peer, clean, leaks) for peer in PEERS},
    }
    return figures | {"goals": _goals(figures)}


def _of_peer(peer: str, clean: Sequence[Outcome], leaks: Sequence[Outcome]) -> dict[str, Any]:
    def by_class(runs: Sequence[Outcome]) -> dict[str, float | None]:
        return {name: _share([peer in one.peers for one in runs if one.name == name]) for name in _names(runs)}

    return {
        "clean_alarm_rate": _share([peer in one.peers for one in clean]),
        "clean_alarm_rate_by_class": by_class(clean),
        "leak_recall": _share([peer in one.peers for one in leaks]),
        "recall": by_class(leaks),
        "median_minutes_to_verdict": _median([one.peers[peer] for one in leaks if peer in one.peers]),
    }


def _goals(figures: dict[str, Any]) -> dict[str, bool]:
    """Whether each goal is met; those of classes that did not run are left out."""
    found = figures | {f"recall of {name}": share for name, share in figures["recall"].items()}
    return {
        f"{name} {'≤' if is_most else '≥'} {goal:g}": found[name] <= goal if is_most else found[name] >= goal
        for name, goal, is_most in GOALS
        if found.get(name) is not None
    }


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(one.name for one in outcomes))


def _share(values: Sequence[bool]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 1) if values else None


def _wrong(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    """Wrong alarms by class and site, the most frequent first."""
    found: dict[str, int] = {}
    for one in outcomes:
        for site in one.wrong_sites:
            found[f"{one.name}: {site}"] = found.get(f"{one.name}: {site}", 0) + 1
    return sorted(found.items(), key=lambda item: -item[1])
