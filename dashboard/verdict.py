"""The sentence on top of the overview: what a person would say after a look at the figures."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

MOSTLY = 0.5  # a service is named when more than this share of the orphaned connections is in it


class Level(StrEnum):
    """How much the sentence wants to be read; each has its own icon."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    EMPTY = "empty"


class Verdict(Struct, frozen=True):
    level: Level
    text: str


class Fleet(Struct, frozen=True):
    """A game's running servers. `ever`: whether a server has reported at all; `unknown`: connections of silent ones."""

    ever: bool
    reporting: int
    silent: int
    unknown: int
    orphaned: int
    stale: int


def judge(fleet: Fleet, orphaned: Sequence[tuple[str, int]]) -> Verdict:
    """One sentence from the fleet and the orphaned connections of each service on reporting servers."""
    if fleet.reporting + fleet.silent == 0:
        text = "No server is running now." if fleet.ever else "No server has reported yet."
        return Verdict(Level.EMPTY, text)
    parts = [_servers(fleet)]
    if fleet.reporting:
        parts.append(_orphaned(fleet, orphaned))
    level = Level.BAD if fleet.orphaned else Level.WARN if fleet.silent or fleet.stale else Level.OK
    return Verdict(level, "; ".join(parts) + ".")


def _servers(fleet: Fleet) -> str:
    running = fleet.reporting + fleet.silent
    if not fleet.silent:
        return "The one server reports" if running == 1 else f"All {running:,} servers report"
    unknown = f"{plural(fleet.unknown, 'connection is', 'connections are')} unknown"
    if not fleet.reporting:
        whole = "The one server is silent" if running == 1 else f"All {running:,} servers are silent"
        return f"{whole} and {unknown}"
    verb = "is" if fleet.silent == 1 else "are"
    return f"{fleet.silent:,} of {running:,} servers {verb} silent and {unknown}"


def _orphaned(fleet: Fleet, services: Sequence[tuple[str, int]]) -> str:
    stale = plural(fleet.stale, "connection is", "connections are")
    if not fleet.orphaned:
        return f"none is orphaned, {stale} stale" if fleet.stale else "no connection is orphaned or stale"
    orphaned = plural(fleet.orphaned, "connection is", "connections are")
    text = f"{orphaned} orphaned, {_where(fleet.orphaned, services)}"
    return f"{text}, and {fleet.stale:,} {'is' if fleet.stale == 1 else 'are'} stale" if fleet.stale else text


def _where(total: int, services: Sequence[tuple[str, int]]) -> str:
    affected = [(count, name) for name, count in services if count]
    most, name = max(affected)
    if most == total:
        return f"all in {name}" if total > 1 else f"in {name}"
    if most > total * MOSTLY:
        return f"most in {name} ({most:,})"
    return f"in {len(affected)} services"


def plural(count: int, one: str, many: str) -> str:
    """`1 connection is`, `2 connections are`."""
    return f"{count:,} {one if count == 1 else many}"
