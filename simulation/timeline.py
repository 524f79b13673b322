"""What happens in a world and when, and the world's time beside everybody else's. World times are seconds."""

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Act = Callable[[], object]


def chance_of(*names: object) -> Random:
    """A stream of chance of its own for whatever the names say; the same names, the same stream."""
    return Random("/".join(map(str, names)))  # noqa: S311 - chance for a game


@dataclass(frozen=True, slots=True)
class Era:
    """How world time runs beside the clock: it was 0 at `origin` (Unix seconds) and makes `speed` seconds a second."""

    origin: float
    speed: float = 1.0

    def unix(self, moment: float) -> float:
        """The Unix time of a moment of the world."""
        return self.origin + moment / self.speed

    def moment(self, unix: float) -> float:
        """The world's moment at a Unix time."""
        return (unix - self.origin) * self.speed


class Timeline:
    """Events in the order of their moments; two of one moment in the order they were planned."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._events: list[tuple[float, int, Act]] = []
        self._serial = 0

    def after(self, delay: float, act: Act) -> None:
        """Plans `act` in `delay` seconds."""
        self._serial += 1
        heapq.heappush(self._events, (self.now + delay, self._serial, act))

    def every(self, gap: Callable[[], float], act: Act) -> None:
        """Plans `act` again and again, each time `gap()` seconds later."""

        def again() -> None:
            act()
            self.after(gap(), again)

        self.after(gap(), again)

    def run_until(self, moment: float, before: Callable[[float], object]) -> None:
        """Lets happen what is due by `moment`; `before(moment of the event)` comes before each."""
        while self._events and self._events[0][0] <= moment:
            self.now, _, act = heapq.heappop(self._events)
            before(self.now)
            act()
        self.now = max(self.now, moment)


class EventClock:
    """Unix seconds: of the event that is happening, else what `outside` says."""

    def __init__(self, outside: Callable[[], float], pinned: float | None = None) -> None:
        self._outside = outside
        self.pinned = pinned

    def __call__(self) -> float:
        return self._outside() if self.pinned is None else self.pinned


class WorkClock:
    """A clock for durations in which callbacks take as long as they say they do."""

    def __init__(self) -> None:
        self._spent = 0.0

    def __call__(self) -> float:
        return time.perf_counter() + self._spent

    def spend(self, seconds: float) -> None:
        """The callback that calls this takes `seconds` longer."""
        self._spent += seconds
