"""The time that a page shows, as its address names it: `?from=now-1h&to=now`, or two fixed moments."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from connmon.core.errors import Invalid
from connmon.telemetry.queries import Span
from connmon.telemetry.resolutions import Plan

DEFAULT: Final = ("now-1h", "now")
# What the picker offers: the address's word -> ours. All of them end now.
OFFERED: Final = {
    "now-5m": "5 min",
    "now-15m": "15 min",
    "now-1h": "1 h",
    "now-3h": "3 h",
    "now-6h": "6 h",
    "now-24h": "24 h",
    "now-7d": "7 d",
    "now-30d": "30 d",
}
RELATIVE: Final = re.compile(r"now(?:-(\d{1,5})([smhd]))?")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST_WORD: Final = 40  # characters of a moment


@dataclass(frozen=True, slots=True)
class PlannedSpan(Span):
    """A span that works out each resolution's plan once, however many series are drawn over it."""

    plans: dict[int, Plan] = field(default_factory=dict, compare=False)

    def plan(self, *, finest: int) -> Plan:
        if finest not in self.plans:
            self.plans[finest] = Span.plan(self, finest=finest)
        return self.plans[finest]


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`start` and `end` as the address names them, and the moments that they are at `now`."""

    start: str
    end: str
    span: PlannedSpan

    @property
    def is_live(self) -> bool:
        """Whether it goes on as time does."""
        return self.end == "now" and self.start.startswith("now")

    @property
    def word(self) -> str:
        """`Last 6 h`, or both moments in UTC."""
        if self.is_live:
            return f"Last {OFFERED.get(self.start, self.start.removeprefix('now-'))}"
        return f"{self.span.since:%Y-%m-%d %H:%M} to {self.span.until:%Y-%m-%d %H:%M} UTC"

    @property
    def query(self) -> str:
        """For addresses that show the same time."""
        return QueryDict.fromkeys(["from"], self.start).urlencode() + f"&to={self.end.replace('+', '%2B')}"


def time_range(asked: QueryDict, *, now: datetime) -> TimeRange:
    """`from` and `to`; the last hour if they cannot be read, or lie too close or too far apart."""
    start, end = asked.get("from", DEFAULT[0]), asked.get("to", DEFAULT[1])
    since, until = _moment(start, now), _moment(end, now)
    if since is not None and until is not None:
        try:
            return TimeRange(start, end, PlannedSpan(since, until, now))
        except Invalid:
            pass
    return TimeRange(*DEFAULT, PlannedSpan(now - timedelta(hours=1), now, now))


def _moment(text: str, now: datetime) -> datetime | None:
    relative = RELATIVE.fullmatch(text)
    if relative:
        amount, unit = relative.groups()
        return now - timedelta(**{UNITS[unit]: int(amount)}) if amount else now
    try:
        moment = parse_datetime(text) if len(text) <= LONGEST_WORD else None
    except ValueError:
        return None
    if moment is None or not 2000 <= moment.year <= 9998:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
