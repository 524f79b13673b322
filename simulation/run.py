"""Runs a fleet in the foreground until there is a reason to end, and says how it goes."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import Final

from simulation.fleet import Fleet, FleetStatus

LOOK: Final = 0.25  # seconds between two looks at how it goes
REDRAW: Final = 1.0  # seconds between two states of the line on a terminal
REPEAT: Final = 30.0  # seconds between two lines where there is no terminal


class Ending(Enum):
    """Why a fleet ended."""

    ASKED = auto()
    """By a signal."""
    TIME = auto()
    """Its duration is over."""
    KEY_REFUSED = auto()
    """The backend does not take the key."""


async def run(fleet: Fleet, progress: "Progress", duration: float | None = None) -> Ending:
    """Runs `fleet` until SIGTERM or SIGINT, for at most `duration` seconds, or until its key is refused."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    running = asyncio.create_task(fleet.run())
    deadline = time.monotonic() + duration if duration is not None else float("inf")
    try:
        while (ending := _ending(fleet, asked, deadline)) is None and not running.done():
            progress.show(fleet)
            with suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), min(LOOK, max(0.0, deadline - time.monotonic())))
    finally:
        fleet.stop()
        await running
        progress.end(fleet)
    return ending or Ending.ASKED


def _ending(fleet: Fleet, asked: asyncio.Event, deadline: float) -> Ending | None:
    if fleet.link.key_refused:
        return Ending.KEY_REFUSED
    if asked.is_set():
        return Ending.ASKED
    return Ending.TIME if time.monotonic() >= deadline else None


class Progress:
    """How it goes, written with `write`: on a terminal (`live`) a line that stays in place, elsewhere one every 30 s.

    `quiet` leaves that out; that the backend is away, or back, is said at once in any case.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        now: Callable[[], float] = time.monotonic,
        *,
        live: bool = False,
        quiet: bool = False,
    ) -> None:
        self._write = write
        self._now = now
        self._quiet = quiet
        self._live = live
        self._started = now()
        self._due = self._started
        self._away = ""

    def show(self, fleet: Fleet) -> None:
        """Says what is new, and how it goes when that is due."""
        away = fleet.link.away
        if bool(away) != bool(self._away):
            url = fleet.options.url
            self.say(f"{url} does not answer ({away}); waiting for it" if away else f"{url} answers again")
        self._away = away
        if self._quiet or self._now() < self._due:
            return
        self._due = self._now() + (REDRAW if self._live else REPEAT)
        text = describe(fleet.status(), self._now() - self._started)
        self._write(f"\r{text}\x1b[K" if self._live else f"{text}\n")

    def say(self, text: str) -> None:
        """A line of its own."""
        self._write(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")

    def end(self, fleet: Fleet) -> None:
        """The last line stays."""
        if not self._quiet:
            count = fleet.link.acknowledged
            self.say(f"ended after {count:,} report{'s' * (count != 1)}")


def describe(status: FleetStatus, seconds: float) -> str:
    """How a fleet goes, in one line."""
    minutes, second = divmod(int(seconds), 60)
    refused = f", {status.refused:,} refused" if status.refused else ""
    return (
        f"{minutes}:{second:02}  {status.reporting} of {status.servers} servers report, {status.players:,} players, "
        f"{status.connections:,} connections ({status.orphaned:,} orphaned), "
        f"{status.acknowledged:,} reports taken{refused}"
    )
