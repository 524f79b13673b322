"""How often connections of one service and type are used: the gaps between two firings, in a histogram of
powers of two.

A connection is idle when it is quiet for much longer than its kind's own habit.
"""

import math
from array import array
from typing import Final

FLOOR: Final = 120.0  # seconds; nothing that is quiet for a shorter time is called idle
HABIT_FACTOR: Final = 3.0  # times the 99th percentile of the gaps
MIN_GAPS: Final = 20  # fewer gaps are no habit
MAX_GAPS: Final = 10_000  # then all counts are halved, so that a changed habit shows
_BUCKETS: Final = 32
_LOWEST: Final = 7  # bucket 0 ends at 2^-7 s
_SHORTEST: Final = 1e-6  # seconds

# Types that are quiet by nature: silence says nothing of them.
PASSIVE: Final = frozenset(
    {
        "Players.PlayerAdded",
        "Players.PlayerRemoving",
        "Player.CharacterAdded",
        "Player.CharacterRemoving",
        "Humanoid.Died",
        "Instance.Destroying",
        "Instance.AncestryChanged",
    }
)


class Habit:
    """The gaps of one service and type."""

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts = array("I", bytes(4 * _BUCKETS))
        self._total = 0

    def add(self, gap: float) -> None:
        """Counts one gap, in seconds."""
        fraction, exponent = math.frexp(max(gap, _SHORTEST))
        bucket = exponent + _LOWEST - (fraction == 0.5)  # an exact power of two belongs to the bucket it ends
        self._counts[min(max(bucket, 0), _BUCKETS - 1)] += 1
        self._total += 1
        if self._total > MAX_GAPS:
            self._halve()

    def threshold(self) -> float:
        """Seconds of silence from which a connection is idle; infinite when there is no habit yet."""
        if self._total < MIN_GAPS:
            return math.inf
        above = 0
        for bucket in range(_BUCKETS - 1, -1, -1):
            above += self._counts[bucket]
            if above > self._total * 0.01:
                return max(FLOOR, HABIT_FACTOR * 2.0 ** (bucket - _LOWEST))
        return FLOOR

    def _halve(self) -> None:
        self._counts = array("I", [count // 2 for count in self._counts])
        self._total = sum(self._counts)


class Activity:
    """When one connection fired last, in Unix seconds. `habit` is None for a type that is quiet by nature."""

    __slots__ = ("fired", "habit", "last")

    def __init__(self, habit: Habit | None, now: float) -> None:
        self.habit = habit
        self.last = now
        self.fired = False

    def touch(self, now: float) -> None:
        """The connection fires."""
        if self.fired and self.habit is not None:
            self.habit.add(now - self.last)
        self.fired = True
        self.last = now

    def is_idle(self, now: float) -> bool:
        """Whether it has been silent for longer than its kind's habit."""
        return self.habit is not None and now - self.last > self.habit.threshold()


class Habits:
    """The habits of every service and type."""

    def __init__(self) -> None:
        self._habits: dict[tuple[int, str], Habit] = {}

    def of(self, service: int, kind: str) -> Habit | None:
        """The habit of a service's connections of a type; None when the type is quiet by nature."""
        if kind in PASSIVE:
            return None
        key = service, kind
        habit = self._habits.get(key)
        if habit is None:
            habit = self._habits[key] = Habit()
        return habit
