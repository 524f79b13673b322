"""What is connected in place of a caller's callback: it follows when it fires, measures it, keeps an interval."""

from collections.abc import Callable
from typing import Any, Final

from connmon_agent.habits import Activity, Habit
from connmon_agent.profiles import Profile
from connmon_agent.signals import Callback

_SAME_TICK: Final = 1e-4  # seconds; sums of ticks miss an interval by rounding
STRIKES: Final = 3  # times in a row that a callback may take too long


class FollowedCallback(Activity):
    """A callback whose connection's activity is known to the sweeper."""

    __slots__ = ("_callback", "_now", "profile")

    def __init__(self, callback: Callback, now: Callable[[], float]) -> None:
        super().__init__(None, now())
        self._callback = callback
        self._now = now
        self.profile: Profile | None = None

    def follow(self, habit: Habit | None, profile: Profile) -> None:
        """Compares it from now on with its kind's habit, and measures it."""
        self.habit = habit
        self.profile = profile

    def __call__(self, *args: Any) -> None:
        self.touch(self._now())
        if self.profile is None:  # the signal fired while it was being connected
            self._callback(*args)
        else:
            self.profile.run(self._callback, args)


class IntervalCallback:
    """A heartbeat's callback, called once per interval with the seconds since the last call. It does not drift."""

    __slots__ = ("_callback", "_due", "_interval", "_progress", "_since", "profile")

    def __init__(self, callback: Callable[[float], Any], interval: float) -> None:
        self._callback = callback
        self._interval = interval
        self._due = interval - _SAME_TICK
        self._progress = 0.0
        self._since = 0.0
        self.profile: Profile | None = None

    def __call__(self, delta: float) -> None:
        self._progress += delta
        self._since += delta
        if self._progress < self._due:
            return
        elapsed, self._since = self._since, 0.0
        interval = self._interval
        # A late tick makes one call, never several; what it is late by counts towards the next one.
        self._progress = max(0.0, self._progress - interval) % interval if interval > 0 else 0.0
        if self.profile is None:
            self._callback(elapsed)
        else:
            self.profile.run(self._callback, (elapsed,))


class LimitedCallback:
    """A callback that is stopped when it takes longer than `limit` seconds several times in a row."""

    __slots__ = ("_callback", "_clock", "_limit", "_stop", "_strikes")

    def __init__(
        self, callback: Callback, limit: float, clock: Callable[[], float], stop: Callable[[float], object]
    ) -> None:
        self._callback = callback
        self._limit = limit
        self._clock = clock
        self._stop = stop
        self._strikes = 0

    def __call__(self, *args: Any) -> None:
        started = self._clock()
        try:
            self._callback(*args)
        finally:
            seconds = self._clock() - started
            self._strikes = self._strikes + 1 if seconds > self._limit else 0
            if self._strikes == STRIKES:
                self._stop(seconds)
