"""What outlived its owner, or its own disconnection: the surest sign there is. Pure."""

from collections.abc import Sequence
from typing import Final

from connmon.leaks.evidence import Remnant, Track, Verdict
from connmon.leaks.states import Cause, Rung

# An agent calls a connection orphaned 60 s after its owner has gone, and cleans it after 300 s (the default). Seen
# so for two minutes, it has outlived its owner by three: games that save a player's data on leaving need less.
ORPHAN_SECONDS: Final = 120.0
# Two of the agent's cleaning passes (300 s apart) and a minute: it is not going to be cleaned.
KEPT_SECONDS: Final = 660.0
PROVEN_AFTER: Final = {Cause.ORPHANED: ORPHAN_SECONDS, Cause.KEPT: KEPT_SECONDS}
NAMED: Final = 5


def judge_remnants(tracks: Sequence[Track], *, now: float) -> Verdict | None:
    """Confirmed, or nothing."""
    return _judge(tracks, Cause.ORPHANED, now=now) or _judge(tracks, Cause.KEPT, now=now)


def _judge(tracks: Sequence[Track], cause: Cause, *, now: float) -> Verdict | None:
    found = [(track, proven) for track in tracks if (proven := _proven(track, cause, now))]
    if not found:
        return None
    remnants = [remnant for _, proven in found for remnant in proven]
    names = dict.fromkeys(remnant.owner for remnant in remnants)
    return Verdict(
        rung=Rung.CONFIRMED,
        cause=cause,
        count=len(remnants),
        since=min(remnant.since for remnant in remnants),
        servers=tuple(track.server for track, _ in found),
        place_versions=versions_of([track for track, _ in found]),
        players=players_of([track for track, _ in found]),
        owners=tuple(names)[:NAMED],
    )


def _proven(track: Track, cause: Cause, now: float) -> list[Remnant]:
    wanted = cause is Cause.KEPT
    return [one for one in track.remnants if one.disconnected is wanted and now - one.since >= PROVEN_AFTER[cause]]


def versions_of(tracks: Sequence[Track]) -> tuple[int, ...]:
    """Place versions of the tracks' servers, each once, the oldest first."""
    return tuple(sorted({track.place_version for track in tracks if track.place_version is not None}))


def players_of(tracks: Sequence[Track]) -> int:
    """Players on the tracks' servers now."""
    return sum(track.present for track in tracks)
