"""Decides what to send and what an answer means: no clock, no network, no thread. One report is on its way at a
time; it is frozen when it is built and goes out again byte for byte until it is answered.

Bounded are: reports (one), its bytes (recorder.ROOM and report.SERVICES_BYTES), its age (MAX_AGE, then it is
dropped and a snapshot says how things stand), the closings it has not told of yet, and the outcomes of orders.
What is dropped is counted and reported.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from connmon_agent.core import Core
from connmon_agent.orders import Orders
from connmon_agent.pools import Pools
from connmon_agent.recorder import Recorder
from connmon_agent.report import Context, ReportWriter
from connmon_agent.transports import Push, Request, Response

DEFAULT_INTERVAL: Final = 10.0  # seconds between reports, until the backend asks for another
SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.1, 3_600.0  # seconds, the protocol's bounds
FIRST_DELAY: Final = 2.0  # seconds, at most; servers that start together do not report together
JITTER: Final = 0.05  # of the interval, to both sides
FOLLOW_UP: Final = 1.0  # seconds to the next report while more is waiting (snapshot parts, a full queue)
REQUEST_DEADLINE: Final = 30.0  # seconds until an unanswered request counts as failed
BACKOFF_FIRST, BACKOFF_MOST = 1.0, 60.0  # seconds; the wait is random between 0 and the doubled bound
RETRY_AFTER_MOST: Final = 300.0  # seconds
REFUSED_PAUSE: Final = 60.0  # seconds, when the key or the address is wrong
REFUSALS_BOUND: Final = 5  # doublings of the pause after reports refused in a row
MAX_AGE: Final = 300.0  # seconds a report is kept for; a fresh one says more
MAX_DETAIL: Final = 300  # characters of the backend's words in the log


@dataclass(slots=True)
class Counters:
    """Since the agent's start: attempts, reports acknowledged, attempts that were repeats, reports given up or
    refused.
    """

    sent: int = 0
    acknowledged: int = 0
    retried: int = 0
    dropped: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Flight:
    body: bytes
    seq: int
    built_at: float
    last: bool
    attempts: int = 0


@dataclass(slots=True)
class _Attempt:
    """The request under way."""

    token: int
    deadline: float


class Reporter:
    """One agent's reports. Times are Unix seconds. `finished`: after `finish`, all is said."""

    def __init__(
        self,
        core: Core,
        pools: Pools,
        now: float,
        interval: float = DEFAULT_INTERVAL,
        max_interval: float = LONGEST_INTERVAL,
    ) -> None:
        self.interval = interval
        self.counters = Counters()
        self.finished = False
        self._core = core
        self._pools = pools
        self._max_interval = max_interval
        self._recorder = Recorder(core.registry, core.owners)
        self._writer = ReportWriter(core, pools)
        self._orders = Orders(core)
        self._boot = core.host.new_id()
        self._seq = 0
        self._token = 0
        self._refusals = 0  # in a row
        self._more = False  # to be said soon after this report
        self._finishing = False
        self._flight: _Flight | None = None
        self._attempt: _Attempt | None = None
        self._warned: set[str] = set()
        self._next_at = now + core.host.random() * min(FIRST_DELAY, interval)

    @property
    def in_flight(self) -> bool:
        """Whether a report is built and not acknowledged yet."""
        return self._flight is not None

    def wait(self, now: float) -> float:
        """Seconds until `next_request` has something to do; 0 if it has now, infinite if never again."""
        if self.finished:
            return float("inf")
        due = self._next_at if self._attempt is None else self._attempt.deadline
        return max(0.0, due - now)

    def next_request(self, now: float) -> Request | None:
        """The attempt to make now, or None while there is nothing to do."""
        if self.finished or self.wait(now) > 0:
            return None
        if self._attempt is not None:
            self._attempt = None
            self._back_off(now)
            return None
        if self._flight is not None and now - self._flight.built_at > MAX_AGE:
            self._seq = self._flight.seq  # it may have arrived: its number is not used again
            self._drop()
        if self._flight is None:
            try:
                self._flight = self._build(now)
            except BaseException:
                self._recorder.want_snapshot()  # what was taken for this report is in none: only a snapshot has it all
                raise
        flight = self._flight
        self._token += 1
        self._attempt = _Attempt(self._token, now + REQUEST_DEADLINE)
        self.counters.sent += 1
        self.counters.retried += flight.attempts > 0
        flight.attempts += 1
        return Request(self._token, flight.seq, flight.body)

    def on_response(self, response: Response, now: float) -> None:
        """Acts on an answer. One to an attempt that was given up meanwhile is not heard any more."""
        flight = self._flight
        if flight is None or self._attempt is None or self._attempt.token != response.token:
            return
        self._attempt = None
        answer = _decode(response.body)
        status = response.status
        detail = str(answer.get("detail") or answer.get("code") or "")[:MAX_DETAIL]
        if status == 200:
            self._on_success(flight, answer, now)
        elif status in {400, 409, 413, 422}:
            self._on_refusal(status, detail, now)
        elif status in {401, 403, 405, 415}:
            self._warn(f"{status}", f"the backend refuses reports with {status}: {detail} (tried once a minute)")
            self._next_at = now + REFUSED_PAUSE
        else:
            self._back_off(now, _retry_after(response, answer))

    def on_failure(self, token: int, now: float) -> None:
        """An attempt got no answer; it is made again later."""
        if self._attempt is not None and self._attempt.token == token:
            self._attempt = None
            self._back_off(now)

    def on_push(self, push: Push, now: float) -> None:
        """Acts on what the backend sends by itself, over a socket: orders, and answers that nobody waits for any more.
        Other kinds are passed over.
        """
        answer = _decode(push.body)
        if answer.get("kind") in {"ack", "orders"}:
            self._obey(answer)
            if self._orders.waiting:
                self.hurry(now)

    def hurry(self, now: float) -> None:
        """Asks for the next report now; while one is under way, for the next one soon after it."""
        self._more = True
        if self._flight is None:
            self._next_at = min(self._next_at, now)

    def finish(self, now: float) -> None:
        """The server ends: what is left goes out at once, then `finished` is true."""
        self._finishing = True
        if self._attempt is None:
            self._next_at = min(self._next_at, now)

    def _build(self, now: float) -> _Flight:
        if self._recorder.snapshot_wanted:
            self._writer.restart()
        outcomes = self._orders.take()
        events = self._recorder.take()
        closing = self._finishing and not events.more and not self._orders.waiting
        seq = self._seq + 1
        dropped = self.counters.dropped + self._recorder.overflows + self._orders.dropped
        revision = self._core.configuration.revision
        context = Context(self._boot, seq, now, self.interval, revision, dropped, outcomes, closing)
        body = self._writer.write(context, events)
        self._more = events.more or self._writer.more or self._orders.waiting
        return _Flight(body, seq, now, last=self._finishing and not self._more)

    def _on_success(self, flight: _Flight, answer: dict[str, Any], now: float) -> None:
        if answer.get("kind") != "ack" or answer.get("ack") != flight.seq:
            self._warn("nonsense", "the backend's address answered something that is no answer to a report")
            self._back_off(now)
            return
        self._flight = None
        self._seq = flight.seq
        self._refusals = 0
        self.counters.acknowledged += 1
        self._orders.acknowledged()
        resync = answer.get("resync") is True
        if resync:
            self._recorder.want_snapshot()
        self._set_interval(answer.get("interval"))
        self._obey(answer)
        self._more = self._more or resync or self._orders.waiting  # whoever ordered waits for the outcome
        self.finished = flight.last and not resync and not self._orders.waiting
        self._schedule(now)

    def _obey(self, answer: dict[str, Any]) -> None:
        if isinstance(answer.get("config"), dict):
            self._core.configuration.apply(answer["config"])
        self._orders.execute(answer.get("orders"))

    def _on_refusal(self, status: int, detail: str, now: float) -> None:
        """The report was read and refused: another one must follow, later with each refusal in a row."""
        self._drop()
        self.counters.refused += 1
        self._refusals += 1
        self._warn(f"{status}", f"the backend refused a report with {status}: {detail}")
        doubled = 2.0 ** min(self._refusals - 1, REFUSALS_BOUND)
        pause = max(1.0, self.interval) * doubled
        if status == 409:
            self._boot = self._core.host.new_id()
            self._seq = 0
            self._core.registry.classes.restart()
            self._core.profiler.restart()
            self._pools.restart()
            pause = min(pause, FOLLOW_UP * 2 * doubled)
        elif status == 413:
            self._recorder.shrink_parts()
        self._next_at = now + pause

    def _drop(self) -> None:
        """Gives the frozen report up; the snapshot that follows needs nothing of it."""
        self.counters.dropped += 1
        self._flight = None
        self._recorder.want_snapshot()

    def _back_off(self, now: float, at_least: float = 0.0) -> None:
        attempts = self._flight.attempts if self._flight is not None else 1
        bound = min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(attempts, 10))
        self._next_at = now + max(at_least, self._core.host.random() * bound)

    def _schedule(self, now: float) -> None:
        """When the next report is due after one was acknowledged."""
        if self._finishing:
            self._next_at = now
        elif self._more:
            self._next_at = now + min(FOLLOW_UP, self.interval)
        else:
            self._next_at = now + self.interval * (1 + JITTER * (2 * self._core.host.random() - 1))

    def _set_interval(self, interval: object) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int | float):
            return
        if SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
            self.interval = min(float(interval), self._max_interval)

    def _warn(self, code: str, text: str) -> None:
        """Says something once."""
        if code not in self._warned:
            self._warned.add(code)
            self._core.problem(text)


def _decode(body: bytes) -> dict[str, Any]:
    """The object in `body`; an empty one for anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _retry_after(response: Response, answer: dict[str, Any]) -> float:
    """Seconds of Retry-After; 0 without one. A date is not read: the back-off serves as well."""
    given = response.retry_after if response.retry_after is not None else answer.get("retry_after")
    try:
        seconds = float(str(given))
    except ValueError:
        return 0.0
    return min(seconds, RETRY_AFTER_MOST) if seconds > 0 else 0.0
