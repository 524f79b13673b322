"""Runs the Demo game's servers: VMs that live in real time and report over HTTP, in one process and little of a core.

The VMs belong to one thread; others only carry requests. A server ends after some minutes and another with a new JobId
takes its place, so nothing grows for ever.
"""

import heapq
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from connmon.demo.client import HttpAnswer, KeepAliveClient
from connmon.demo.server import FIRST_VERSION, GameServerVM, ServerOptions
from luauvm import HttpRequest

FRAME: Final = 0.2  # seconds between two steps of one server: a game's logic, not its graphics
CARRIERS: Final = 4  # threads that carry requests
LIFETIMES: Final = (8 * 60.0, 16 * 60.0)  # seconds a server lives, drawn anew for each
CLOSING: Final = 3.0  # seconds a server has for its last report
CROWD: Final = (8, 16)  # players a server aims at, drawn anew for each
DEPLOY_EVERY: Final = 20 * 60.0  # seconds; later servers run a later place version
REFUSALS: Final = 3  # answers of 401 in a row after which the Demo game is gone


@dataclass
class Seat:
    """A place for one server after the other. `closes_at`: when it shuts down; `ends_at`: when it is replaced."""

    server: GameServerVM
    stepped_at: float
    closes_at: float
    ends_at: float | None = None
    acknowledged: bool = False


@dataclass(frozen=True)
class FeederOptions:
    """`url` of the backend, report `key`, how many `servers`, seconds between reports, and a `seed` for all chance."""

    url: str
    key: str
    servers: int = 12
    interval: float = 2.0
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(2**31))


class Feeder:
    """Drives the servers. `now` gives Unix seconds, `carry` an answer for a request; both are given by tests."""

    def __init__(
        self,
        options: FeederOptions,
        now: Callable[[], float],
        carry: Callable[[HttpRequest], HttpAnswer] | None = None,
    ) -> None:
        self.options = options
        self._now = now
        self._random = random.Random(options.seed)  # noqa: S311 - chance for a game
        self._local = threading.local()
        self._carry = carry or self._carry_by_http
        self._carriers = ThreadPoolExecutor(CARRIERS, thread_name_prefix="carrier")
        self._under_way: list[tuple[GameServerVM, HttpRequest, Future[HttpAnswer]]] = []
        self._refused = 0
        self._started_at = now()
        self._due: list[tuple[float, int]] = []
        self.seats = [self._new_seat(self._started_at) for _ in range(options.servers)]
        for number in range(options.servers):
            heapq.heappush(self._due, (self._started_at + FRAME * number / options.servers, number))

    @property
    def removed(self) -> bool:
        """Whether the backend has refused the key so often that the Demo game must be gone."""
        return self._refused >= REFUSALS

    @property
    def ready(self) -> bool:
        """Whether every server has had a report acknowledged."""
        return all(seat.acknowledged for seat in self.seats)

    def step(self) -> float:
        """Does what is due; returns seconds until there is more to do."""
        self._collect_answers()
        now = self._now()
        while self._due and self._due[0][0] <= now:
            _, number = heapq.heappop(self._due)
            self._step_seat(number, now)
            heapq.heappush(self._due, (now + FRAME, number))
        # Answers are few and short: looked for once a frame at the latest, they keep the loop simple.
        return max(0.005, min(FRAME, self._due[0][0] - self._now()))

    def close(self, pause: Callable[[float], object]) -> None:
        """Shuts every server down and carries the last reports, for CLOSING seconds at most; `pause` sleeps."""
        deadline = self._now() + CLOSING
        for seat in self.seats:
            if seat.ends_at is None:
                seat.server.stop()
        while self._now() < deadline:
            for seat in self.seats:
                self._advance(seat, self._now())
            self._collect_answers()
            if not self._under_way:
                break
            pause(0.02)
        self._carriers.shutdown(wait=False, cancel_futures=True)

    def _new_seat(self, now: float) -> Seat:
        chance = self._random
        options = ServerOptions(
            url=self.options.url,
            key=self.options.key,
            epoch=now,
            seed=chance.randrange(2**31),
            place_version=FIRST_VERSION + int((now - self._started_at) / DEPLOY_EVERY),
            interval=self.options.interval,
            players=chance.randint(*CROWD),
        )
        return Seat(GameServerVM(options), stepped_at=now, closes_at=now + chance.uniform(*LIFETIMES))

    def _step_seat(self, number: int, now: float) -> None:
        seat = self.seats[number]
        if seat.ends_at is not None and now >= seat.ends_at:
            self.seats[number] = self._new_seat(now)
            return
        if seat.ends_at is None and now >= seat.closes_at:
            seat.server.stop()
            seat.ends_at = now + CLOSING
        self._advance(seat, now)

    def _advance(self, seat: Seat, now: float) -> None:
        """Lets the time since its last step pass for a server and sends off what it wants sent."""
        elapsed = now - seat.stepped_at
        if elapsed > 0:
            seat.server.step(elapsed)
            seat.stepped_at = now
        for request in seat.server.take_requests():
            self._under_way.append((seat.server, request, self._carriers.submit(self._carry, request)))

    def _collect_answers(self) -> None:
        waiting = []
        for server, request, future in self._under_way:
            if future.done():
                self._note(server, future.result())
                server.answer(request, future.result())
            else:
                waiting.append((server, request, future))
        self._under_way = waiting

    def _note(self, server: GameServerVM, answer: HttpAnswer) -> None:
        if answer.status == 401:
            self._refused += 1
        elif answer.status == 200:
            self._refused = 0
            for seat in self.seats:
                seat.acknowledged = seat.acknowledged or seat.server is server

    def _carry_by_http(self, request: HttpRequest) -> HttpAnswer:
        """In a carrier thread, over that thread's own connection."""
        client: KeepAliveClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = KeepAliveClient(self.options.url)
        return client.send(request)
