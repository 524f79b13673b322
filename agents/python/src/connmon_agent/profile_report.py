"""What the next report says of callback profiles: those that ran since they were last sent, the heaviest first. Their
counters count from the boot on, so a lost report loses nothing, and once a minute is often enough.
"""

from typing import Final

from connmon_agent.profiles import Profile, Profiler
from connmon_agent.text import number

EVERY: Final = 60.0  # seconds between two reports that carry profiles, at least
MAX_PROFILES: Final = 100  # of one report, the protocol's bound
MAX_BYTES: Final = 32 * 1024  # of one report
MAX_MICROSECONDS: Final = 1e15  # the protocol's bound


class ProfileReport:
    """Remembers what was sent."""

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler
        self._sent: dict[str, int] = {}  # calls by place, as they were last sent
        self._due = 0.0

    def restart(self) -> None:
        """Forgets what was sent: the next report names every profile again."""
        self._sent.clear()
        self._due = 0.0

    def take(self, now: float, room: int, *, last: bool) -> str:
        """The entries for a report written at `now` (Unix seconds) with `room` bytes left, as the inside of a JSON
        array; in the `last` report whether they are due or not.
        """
        if now < self._due and not last:
            return ""
        ran = [profile for profile in self._profiler.profiles() if profile.count > self._sent.get(profile.place, 0)]
        ran.sort(key=lambda profile: profile.total, reverse=True)
        entries: list[str] = []
        left = min(room, MAX_BYTES)
        for profile in ran[:MAX_PROFILES]:
            entry = _entry(profile)
            left -= len(entry) + 1
            if left < 0:
                break
            self._sent[profile.place] = profile.count
            entries.append(entry)
        if entries:
            self._due = now + EVERY
        return ",".join(entries)


def _entry(profile: Profile) -> str:
    return (
        f'{{{profile.place},"count":{profile.count},"total_us":{_microseconds(profile.total)},'
        f'"p50_us":{_microseconds(profile.quantile(0.5))},"p95_us":{_microseconds(profile.quantile(0.95))},'
        f'"max_us":{_microseconds(profile.longest)}}}'
    )


def _microseconds(seconds: float) -> str:
    return number(min(seconds * 1e6, MAX_MICROSECONDS), MAX_MICROSECONDS) or "0"
