"""A verdict in words that a person understands. Pure."""

from datetime import UTC, datetime
from typing import Final

from connmon.leaks.evidence import Verdict
from connmon.leaks.states import Cause

MOST: Final = 500  # characters
NAMED: Final = 2  # owners
NAME: Final = 60  # characters of a name that a game made up


def tell(verdict: Verdict, *, service: str, kind: str, site: str) -> str:
    """One sentence or two: what, where, since when, at how many players."""
    where = f"{_short(service)}, {_short(kind)}" + (f", opened at {_short(site)}" if site else ", site unknown")
    return f"{_TOLD[verdict.cause](verdict)}: {where}, since {_clock(verdict.since)}{_place(verdict)}."[:MOST]


def _orphaned(verdict: Verdict) -> str:
    named = ", ".join(map(_short, verdict.owners[:NAMED])) + (" and others" if len(verdict.owners) > NAMED else "")
    owners = f" ({named})" if named else ""
    return f"{_count(verdict.count, 'connection')} stayed connected after the owner had gone{owners}"


def _kept(verdict: Verdict) -> str:
    return f"{_count(verdict.count, 'connection')} stayed registered though disconnected"


def _growing(verdict: Verdict) -> str:
    if verdict.line is None:
        return "Growing, owner unknown"
    return (
        f"Growing, owner unknown: {verdict.count:,} more than players explain, {verdict.line.per_hour:,.0f} an hour, "
        "and those of all ages are still there"
    )


def _piling(verdict: Verdict) -> str:
    return (
        f"Players hold more the longer they stay, {_count(verdict.count, 'connection')} so far, and nothing closes them"
    )


def _hoarding(verdict: Verdict) -> str:
    owner = _short(verdict.owners[0]) if verdict.owners else "One owner"
    return f"{owner} holds {_count(verdict.count, 'connection')}, far more than its peers"


_TOLD: Final = {
    Cause.ORPHANED: _orphaned,
    Cause.KEPT: _kept,
    Cause.GROWING: _growing,
    Cause.PILING: _piling,
    Cause.HOARDING: _hoarding,
}


def _place(verdict: Verdict) -> str:
    servers = _count(len(verdict.servers), "server")
    versions = ", ".join(map(str, verdict.place_versions))
    return f", on {servers} with {_count(verdict.players, 'player')}" + (f", version {versions}" if versions else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M} UTC"


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
