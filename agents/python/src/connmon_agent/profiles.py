"""Time spent in callbacks, by place (service, type and creation site), in small histograms.

Measuring a call costs about as much as a short callback itself, so calls are sampled: of each place as many
that the measuring stays below 2 % of the callbacks' own time. A sample stands for the calls since the one
before it.
"""

import math
import sys
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from connmon_agent.classes import Classes
from connmon_agent.configuration import Change, ConfigurationManager

SHARE: Final = 0.015  # of the callbacks' own time that measuring takes on average; leaves room below 2 %
CHEAPEST: Final = 5e-7  # seconds; a sample is never thought to cost less
MAX_SKIPPED: Final = 10_000  # calls between two samples
_BUCKETS: Final = 72
_PER_OCTAVE: Final = 3
_LOWEST: Final = 1e-7  # seconds; bucket 0 ends here, the last one at 1.1 s
_CALIBRATION: Final = 200  # samples
_NEVER: Final = sys.maxsize  # calls to skip while profiling is off


@dataclass(frozen=True, slots=True)
class CallbackProfile:
    """What the callbacks of one service, type and creation site have cost. Times in seconds; quantiles to
    within 26 %.
    """

    service: str
    type: str
    site: str
    count: int
    total: float
    p50: float
    p95: float
    max: float


class Profile:
    """The calls of one place, of which `cls` is the first class. `skip`: calls until the next sample."""

    __slots__ = ("_buckets", "_profiler", "_weight", "cls", "count", "longest", "place", "skip", "total")

    def __init__(self, profiler: "Profiler", place: str = "", cls: int = 0, *, enabled: bool) -> None:
        self.place = place
        self.cls = cls
        self._profiler = profiler
        self._weight = 1
        self.skip = 1
        self.restart()
        self.switch(enabled=enabled)

    def switch(self, *, enabled: bool) -> None:
        """Starts or stops sampling; what was measured stays."""
        self.skip = 1 if enabled else _NEVER
        self._weight = 1

    def restart(self) -> None:
        """Counts from nothing."""
        self._buckets = array("Q", bytes(8 * _BUCKETS))
        self.count = 0
        self.total = 0.0
        self.longest = 0.0

    def run(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Calls `callback`, measuring it if this is a call to be sampled. What it raises goes on."""
        self.skip -= 1
        if self.skip:
            callback(*args)
            return
        clock = self._profiler.clock
        started = clock()
        try:
            callback(*args)
        finally:
            self.record(clock() - started)

    def record(self, seconds: float) -> None:
        """Counts a sample and decides when the next one is due."""
        weight = self._weight
        self.count += weight
        self.total += seconds * weight
        self.longest = max(self.longest, seconds)
        self._buckets[_bucket(seconds)] += weight
        if self.skip > 0:  # switched off by the callback itself
            return
        every = self._profiler.cost / (SHARE * max(self.total / self.count, 1e-9))
        # Random gaps, so that what repeats itself is not always met in the same place.
        self._weight = self.skip = max(1, math.ceil(min(every, MAX_SKIPPED) * (0.5 + self._profiler.random())))

    def quantile(self, share: float) -> float:
        """The time that `share` of the calls stayed below: the upper end of its bucket."""
        rank = share * self.count
        below = 0
        for bucket, weight in enumerate(self._buckets):
            below += weight
            if below >= rank:
                return min(self.longest, _LOWEST * math.exp2(bucket / _PER_OCTAVE))
        return self.longest


class Profiler:
    """The profiles of one agent."""

    def __init__(
        self,
        clock: Callable[[], float],
        random: Callable[[], float],
        classes: Classes,
        configuration: ConfigurationManager,
        service_names: list[str],
    ) -> None:
        self.clock = clock
        self.random = random
        self._classes = classes
        self._configuration = configuration
        self._service_names = service_names
        self._profiles: dict[str, Profile] = {}  # by place
        self.cost = CHEAPEST
        self.cost = self._calibrate()
        configuration.on_changed(self._settings_changed)

    def of(self, cls: int) -> Profile:
        """The profile of a class. Classes of the same place share one."""
        place = self._classes.place[cls]
        profile = self._profiles.get(place)
        if profile is None:
            profile = self._profiles[place] = Profile(self, place, cls, enabled=self._enabled(cls))
        return profile

    def profiles(self) -> Iterable[Profile]:
        """Every profile there is."""
        return self._profiles.values()

    def restart(self) -> None:
        """A new boot counts from nothing."""
        for profile in self._profiles.values():
            profile.restart()

    def results(self) -> list[CallbackProfile]:
        """What was measured, the place with the largest total first."""
        found = [self._result(profile) for profile in self._profiles.values() if profile.count]
        return sorted(found, key=lambda result: result.total, reverse=True)

    def _result(self, profile: Profile) -> CallbackProfile:
        return CallbackProfile(
            service=self._service_of(profile.cls),
            type=self._classes.kind[profile.cls],
            site=self._classes.site[profile.cls],
            count=profile.count,
            total=profile.total,
            p50=profile.quantile(0.5),
            p95=profile.quantile(0.95),
            max=profile.longest,
        )

    def _service_of(self, cls: int) -> str:
        return self._service_names[self._classes.service[cls]]

    def _enabled(self, cls: int) -> bool:
        return self._configuration.management(self._service_of(cls)).enable_profiling

    def _settings_changed(self, change: Change) -> None:
        if change.key == "ENABLE_PROFILING":
            for profile in self._profiles.values():
                profile.switch(enabled=self._enabled(profile.cls))

    def _calibrate(self) -> float:
        """Seconds that a sample costs beside the callback: measured here, for machines differ."""
        trial = Profile(self, enabled=True)
        started = self.clock()
        for _ in range(_CALIBRATION):
            trial.skip = 1
            trial.run(_nothing, ())
        return max(CHEAPEST, (self.clock() - started) / _CALIBRATION)


def _nothing() -> None:
    """What the calibration calls."""


def _bucket(seconds: float) -> int:
    if seconds <= _LOWEST:
        return 0
    return min(_BUCKETS - 1, math.ceil(math.log2(seconds / _LOWEST) * _PER_OCTAVE))
