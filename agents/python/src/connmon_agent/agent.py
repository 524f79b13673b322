"""Runs a manager's sweeps and reports: from a server's own loop, or as a task of asyncio."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connmon_agent.manager import ConnectionManager
from connmon_agent.reporter import DEFAULT_INTERVAL, LONGEST_INTERVAL, SHORTEST_INTERVAL, Reporter
from connmon_agent.transports import Failure, Response, Transport

LONGEST_SLEEP: Final = 1.0  # seconds: a sweep step is due as often
SHORTEST_SLEEP: Final = 0.01
FLUSH_TIMEOUT: Final = 8.0  # seconds


@dataclass(frozen=True, slots=True)
class Status:
    """How reporting goes, since the agent's start; `in_flight`: a report waits for its acknowledgement."""

    sent: int
    acknowledged: int
    retried: int
    dropped: int
    refused: int
    in_flight: bool


class Agent:
    """Reports what a manager sees and does what the backend orders. It never raises into the server and never
    blocks it.

    In a server with a loop of its own, call `step()` in it (each tick, or a few times a second); under asyncio
    run `run()` as a task instead. `interval` and `max_interval` in seconds; the backend's wish counts up to
    `max_interval`.

    Example::

        agent = Agent(manager, HttpTransport("https://connmon.example.com", key))
        while running:
            agent.step()
            ...
        agent.close()
    """

    def __init__(
        self,
        manager: ConnectionManager,
        transport: Transport,
        *,
        interval: float = DEFAULT_INTERVAL,
        max_interval: float = LONGEST_INTERVAL,
    ) -> None:
        for seconds in (interval, max_interval):
            if not SHORTEST_INTERVAL <= seconds <= LONGEST_INTERVAL:
                raise ValueError(f"an interval takes {SHORTEST_INTERVAL:g} to {LONGEST_INTERVAL:g} seconds")
        self.manager = manager
        self._core = manager.core
        self._transport = transport
        now = self._core.host.now()
        self._reporter = Reporter(self._core, manager.pools, now, min(interval, max_interval), max_interval)
        self._due = now
        self._closed = False
        self._arrived: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def step(self, now: float | None = None) -> float:
        """Does what is due at `now` (Unix seconds); returns the seconds until there is more to do. Cheap when
        idle.

        Example::

            agent.step()
        """
        if now is None:
            now = self._core.host.now()
        if now < self._due and not self._transport.inbox:
            return self._due - now
        self._guard(self.manager.step, now)
        went_well = self._guard(self._report, now)
        wait = min(LONGEST_SLEEP, self._reporter.wait(now)) if went_well else LONGEST_SLEEP
        self._due = now + wait
        return wait

    async def run(self) -> None:
        """Runs until `close` or `aclose`, or until its task is cancelled.

        Example::

            task = asyncio.create_task(agent.run())
        """
        arrived = self._wakened()
        while not self._closed:
            arrived.clear()
            await _wait_for(arrived, max(SHORTEST_SLEEP, self.step()))

    def report_now(self) -> None:
        """Asks for the next report now instead of at the next interval.

        Example::

            agent.report_now()
        """
        now = self._core.host.now()
        self._reporter.hurry(now)
        self._due = now

    def status(self) -> Status:
        """How reporting goes.

        Example::

            print(agent.status().acknowledged)
        """
        counters = self._reporter.counters
        return Status(
            sent=counters.sent,
            acknowledged=counters.acknowledged,
            retried=counters.retried,
            dropped=counters.dropped,
            refused=counters.refused,
            in_flight=self._reporter.in_flight,
        )

    def close(self, timeout: float = FLUSH_TIMEOUT) -> bool:
        """Sends what is left, waiting at most `timeout` seconds, and ends. True when all of it was
        acknowledged.

        Not for a transport of asyncio: there, `await agent.aclose()`.

        Example::

            agent.close(timeout=5)
        """
        arrived = threading.Event()
        self._transport.inbox.on_arrival(arrived.set)
        deadline = self._begin_close(timeout)
        while (left := self._still_to_wait(deadline, arrived)) > 0:
            arrived.wait(left)
        return self._end_close()

    async def aclose(self, timeout: float = FLUSH_TIMEOUT) -> bool:
        """`close` under asyncio.

        Example::

            await agent.aclose()
        """
        arrived = self._wakened()
        deadline = self._begin_close(timeout)
        while (left := self._still_to_wait(deadline, arrived)) > 0:
            await _wait_for(arrived, left)
        finished = self._end_close()
        arrived.set()  # `run` waits for it too
        return finished

    def _begin_close(self, timeout: float) -> float:
        """When to give up, by the host's clock for durations."""
        now = self._core.host.now()
        self._reporter.finish(now)
        self._due = now
        return self._core.host.clock() + timeout

    def _still_to_wait(self, deadline: float, arrived: "asyncio.Event | threading.Event") -> float:
        """Does a step of the close; seconds to wait for an arrival, 0 when all is said or the time is up."""
        arrived.clear()
        wait = self.step()
        left = deadline - self._core.host.clock()
        return 0.0 if self._reporter.finished else min(left, max(SHORTEST_SLEEP, wait))

    def _wakened(self) -> asyncio.Event:
        """An event of the running loop that is set at each arrival, on whatever thread that comes."""
        loop = asyncio.get_running_loop()
        if self._arrived is None or self._arrived[0] is not loop:
            self._arrived = loop, asyncio.Event()
        arrived = self._arrived[1]
        self._transport.inbox.on_arrival(lambda: loop.call_soon_threadsafe(arrived.set))
        return arrived

    def _end_close(self) -> bool:
        self._closed = True
        self._transport.inbox.on_arrival(None)
        self._transport.close()
        return self._reporter.finished

    def _guard(self, work: Callable[[float], object], now: float) -> bool:
        """Does `work`; False when it failed. The agent goes on, and the server never hears of it."""
        try:
            work(now)
        except Exception as error:
            self._core.log(f"a step failed: {error!r}")
            return False
        return True

    def _report(self, now: float) -> None:
        while (arrival := self._transport.inbox.take()) is not None:
            if isinstance(arrival, Response):
                self._reporter.on_response(arrival, now)
            elif isinstance(arrival, Failure):
                self._reporter.on_failure(arrival.token, now)
            else:
                self._reporter.on_push(arrival, now)
        request = None if self._closed else self._reporter.next_request(now)
        if request is not None:
            self._transport.send(request)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
