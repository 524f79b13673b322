"""What the supervisor is told about a process: plain data, so that tests can supervise one-liners."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from connmon.runtime.servers import Server


class StopOrder(IntEnum):
    """Who is stopped when; the next group waits until the one before has ended."""

    SENDERS = 0
    """Say goodbye to the web processes."""
    WEB = 1
    """Takes no more reports and finishes the requests under way."""
    WORK = 2
    """Finishes its task."""
    BROKER = 3
    """Has no more clients."""
    DATABASE = 4
    """Last, since everything writes to it."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process. With `server` set the command is the server's own, after its `prepare`."""

    name: str
    command: tuple[str, ...] = ()
    server: Server | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # beside the supervisor's own
    pass_fds: tuple[int, ...] = ()
    before_start: Callable[[], object] | None = None
    stop_order: StopOrder = StopOrder.WORK
    stop_patience: float = 20.0  # seconds between the stop signal and a harder one
    hidden_lines: tuple[str, ...] = ()  # lines with one of these words are not shown
    is_step: bool = False  # a step of the start: runs once to its end; a code other than 0 ends the start
    may_finish: bool = False  # code 0 means that it has nothing more to do, so it is not started again

    @property
    def stop_signal(self) -> signal.Signals:
        """Asks for a clean end."""
        return self.server.stop_signal if self.server else signal.SIGTERM

    @property
    def hurry_signal(self) -> signal.Signals:
        """Follows when the patience is over, or the person's."""
        return self.server.hurry_signal if self.server else signal.SIGKILL
