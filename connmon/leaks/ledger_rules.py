"""What becomes of a ledger's entry, which version a leak came with, when a budget is full. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connmon.leaks.states import LedgerState, Rung, rank

FIXED_AFTER: Final = timedelta(hours=2)  # a later version without it; slow leaks show within that
LEAST_MINUTES: Final = 60  # of an earlier version on any server, to be compared with
EQUAL_PLAYERS: Final = 0.5  # an earlier version with fewer players than this share proves nothing
EXPOSURE: Final = 2.0  # times as long as the leaking version took to show, an earlier one ran without
SPELL: Final = timedelta(minutes=60)  # a rung is kept for so long after the look that reached it


@dataclass(frozen=True, slots=True)
class VersionFact:
    """A place version in the short history: server-minutes, mean players a server, minutes of its longest server."""

    version: int
    minutes: int
    players: float
    longest: int
    first_seen_at: datetime
    is_running: bool


def next_state(state: LedgerState, known: Sequence[int], seen: Sequence[int]) -> LedgerState:
    """Of an entry that is seen again in the versions `seen`; `known` are those that leaked before."""
    if state is LedgerState.FIXED:
        return LedgerState.REGRESSED
    if state is LedgerState.NEW and len({*known, *seen}) > 1:
        return LedgerState.ONGOING
    return state


def next_rung(kept: Rung, found: Rung, *, last_seen_at: datetime, now: datetime) -> Rung:
    """The surest rung of a spell: a fact does not become a suspicion because its proof was cleaned away."""
    return min(kept, found, key=rank) if now - last_seen_at <= SPELL else found


def fixed_in(
    leaked: Sequence[int], facts: Sequence[VersionFact], *, last_seen_at: datetime, now: datetime
) -> int | None:
    """The version that is without the leak: later than all that leaked, and running for FIXED_AFTER."""
    if not leaked or now - last_seen_at < FIXED_AFTER:
        return None
    later = [one for one in facts if one.version > max(leaked) and one.is_running]
    settled = [one.version for one in later if now - one.first_seen_at >= FIXED_AFTER and one.minutes >= LEAST_MINUTES]
    return min(settled, default=None)


def since_version(leaked: Sequence[int], facts: Sequence[VersionFact]) -> int | None:
    """The first version that leaks, if an earlier one ran without: long enough, and with about as many players.

    Ask as soon as the leak is found: the leaking version's minutes are then what it takes to show.
    """
    if not leaked:
        return None
    first = min(leaked)
    leaking = next((one for one in facts if one.version == first), None)
    earlier = [one for one in facts if one.version < first]
    return first if leaking is not None and any(_was_without(one, leaking) for one in earlier) else None


def _was_without(earlier: VersionFact, leaking: VersionFact) -> bool:
    """Whether it would have shown: leaks show with time, with players, and on servers that run for long."""
    return (
        earlier.minutes >= max(LEAST_MINUTES, EXPOSURE * leaking.minutes)
        and earlier.minutes * earlier.players >= EXPOSURE * leaking.minutes * leaking.players
        and earlier.players >= EQUAL_PLAYERS * leaking.players
        and earlier.longest >= leaking.longest
    )


def hours_until_full(*, live: float, per_hour: float, budget: float) -> float | None:
    """When a server with `live` connections reaches its budget at this growth; None: never, or no budget."""
    if budget <= 0 or per_hour <= 0:
        return None
    return max(budget - live, 0.0) / per_hour


def tell_forecast(hours: float | None) -> str:
    """`Budget full in about 3 h.` A line to be read, never an alarm."""
    if hours is None:
        return ""
    if hours < 1:
        return f"Budget full in about {max(round(hours * 60), 1)} min."
    return f"Budget full in about {hours:.0f} h." if hours < 72 else ""
