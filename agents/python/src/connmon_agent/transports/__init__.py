"""Ways for a report to reach the backend. None of them blocks whoever calls it; none of them raises."""

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

MAX_ANSWER: Final = 1024 * 1024  # bytes; what is longer is no answer to a report
REPORTS_PATH: Final = "/api/v1/reports"
SOCKET_PATH: Final = "/ws/v1/agent"


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt to send a report. `body`: JSON as bytes. `token`: names the attempt in what comes back."""

    token: int
    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """The backend's answer to an attempt, as status of HTTP, body, and the text of Retry-After if there is one."""

    token: int
    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that got no answer."""

    token: int
    reason: str


@dataclass(frozen=True, slots=True)
class Push:
    """What the backend sent without being asked."""

    body: bytes


Arrival = Response | Failure | Push


class Inbox:
    """What has come back and waits to be read; filled by any thread, read by the agent's own."""

    def __init__(self) -> None:
        self._arrivals: deque[Arrival] = deque()
        self._notify: Callable[[], object] | None = None

    def put(self, arrival: Arrival) -> None:
        """Adds an arrival and wakes the agent, if it sleeps."""
        self._arrivals.append(arrival)
        notify = self._notify
        if notify is not None:
            with contextlib.suppress(RuntimeError):  # the agent's loop has ended: nobody is left to wake
                notify()

    def take(self) -> Arrival | None:
        """The next arrival, or None."""
        return self._arrivals.popleft() if self._arrivals else None

    def __bool__(self) -> bool:
        """Whether something has arrived."""
        return bool(self._arrivals)

    def on_arrival(self, notify: Callable[[], object] | None) -> None:
        """Has `notify` called at each arrival, on whatever thread that comes."""
        self._notify = notify


class Transport(Protocol):
    """What the agent sends through. A request that comes while another is under way ends that one."""

    inbox: Inbox

    def send(self, request: Request) -> None:
        """Starts an attempt; what becomes of it arrives in `inbox`."""

    def close(self) -> None:
        """Ends whatever is under way, without waiting for it."""
