"""When silence means something: pure rules of the sweep."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

FRESH: Final = timedelta(seconds=15)  # three pulses
BACK_OFF: Final = timedelta(seconds=60)  # agents whose reports failed try again within that


class Liveness(StrEnum):
    """How a running server stands, by the lease that its last report set (three report intervals)."""

    REPORTING = "reporting"
    LATE = "late"  # half its lease is over: a report is missing
    LOST = "lost"  # its lease is over; its connections are unknown
    GONE = "gone"  # lost for GONE_AFTER; the next sweep ends it


@dataclass(frozen=True, slots=True)
class Listener:
    """A web process's pulse."""

    started_at: datetime
    seen_at: datetime
    ill_at: datetime | None


def liveness(received_at: datetime, due_at: datetime, *, gone_after: float, now: datetime) -> Liveness:
    """Of a server whose last report came at `received_at` and whose lease ends at `due_at`; `gone_after` in seconds."""
    if now >= due_at + timedelta(seconds=gone_after):
        return Liveness.GONE
    if now >= due_at:
        return Liveness.LOST
    if now >= received_at + (due_at - received_at) / 2:
        return Liveness.LATE
    return Liveness.REPORTING


def why_not_now(listeners: Iterable[Listener], *, report_interval: float, now: datetime) -> str:
    """Why the silence of servers says nothing now; "" if it can be believed.

    Two report intervals must have passed since somebody began to listen and since reports were last lost through our
    own fault, and no less than agents wait after a failure.
    """
    fresh = [one for one in listeners if now - one.seen_at <= FRESH]
    if not fresh:
        return "No web process says that it takes reports."
    patience = max(timedelta(seconds=2 * report_interval), BACK_OFF)
    if all(now - one.started_at < patience for one in fresh):
        return f"Reports have been taken for less than {patience.total_seconds():.0f} s."
    if any(one.ill_at is not None and now - one.ill_at < patience for one in fresh):
        return f"Reports were refused or lost by us within the last {patience.total_seconds():.0f} s."
    return ""
