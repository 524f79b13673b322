"""Time limits for the many short waits of the report edge."""

import asyncio
from types import TracebackType
from typing import Final

LOOK: Final = 0.25  # seconds between two looks at all that wait: by so much a limit may be late


class Deadlines:
    """`with deadlines.limit(seconds):` raises TimeoutError as asyncio.timeout does, within LOOK seconds.

    One timer serves all; a timer each, set and cancelled, cost an eighth of a small report.
    """

    def __init__(self) -> None:
        self._waits: dict[Wait, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, seconds: float) -> "Wait":
        """A limit of so many seconds, from the block's beginning."""
        return Wait(self, seconds)

    def add(self, wait: "Wait") -> None:
        """Looks after it from now on."""
        self._waits[wait] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK, self._look)

    def remove(self, wait: "Wait") -> None:
        """It has ended."""
        del self._waits[wait]

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for wait in self._waits:
            if wait.until <= now:
                wait.end()
        self._timer = loop.call_later(LOOK, self._look) if self._waits else None


class Wait:
    """One block under a limit; made by Deadlines.limit."""

    __slots__ = ("_deadlines", "_late", "_seconds", "_task", "until")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self._late = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self.until = task.get_loop().time() + self._seconds
        self._deadlines.add(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._deadlines.remove(self)
        if self._late and self._task.uncancel() <= 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """Its time is over."""
        if not self._late:
            self._late = True
            self._task.cancel()
