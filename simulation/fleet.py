"""Many simulated servers in one event loop: they start, live, are deployed anew and end, each with its own agent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connmon_agent import Agent, AsyncHttpTransport, steady_clock
from connmon_agent.transports.websocket import AsyncWebSocketTransport
from simulation.link import TOLERANCE, HeardInbox, Link
from simulation.lives import FleetOptions, Life, lives_of
from simulation.server import SimulatedServer, ignore
from simulation.timeline import Era

FRAME: Final = 0.5  # seconds between two looks at a server's world
SLICE: Final = 60.0  # seconds of the world that pass without a look at the network
FLUSH: Final = 3.0  # seconds a server has for its last reports
SOCKETS: Final = 4  # every fourth server reports over a WebSocket


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """What there is now, and how reporting went since the start. `servers`: how many there should be."""

    servers: int
    reporting: int
    players: int
    connections: int
    orphaned: int
    acknowledged: int
    refused: int


@dataclass(slots=True)
class Seat:
    """A place for one server after the other."""

    number: int
    server: SimulatedServer | None = None
    agent: Agent | None = None
    reported: int = 0  # reports of its earlier servers that were acknowledged

    @property
    def acknowledged(self) -> int:
        """Reports of all its servers that the backend has taken."""
        now = self.agent.status().acknowledged if self.agent is not None else 0
        return self.reported + now


class Fleet:
    """Runs the servers until it is told to stop. `link` says how the backend is; `log` gets lines worth reading."""

    def __init__(self, options: FleetOptions, log: Callable[[str], object] = ignore) -> None:
        self.options = options
        self.link = Link(tolerance=min(TOLERANCE, options.servers))
        self.seats = [Seat(number) for number in range(options.servers)]
        self._log = log
        self._clock = steady_clock()
        self._era = Era(self._clock() - options.age / options.speed, options.speed)
        self._stop = asyncio.Event()
        self._ageing = asyncio.Lock()
        self._transport(0)  # an address or key of no use is an error here and not in a task

    def stop(self) -> None:
        """Asks for the end; `run` returns once every server has said what was left."""
        self._stop.set()

    async def run(self) -> None:
        """Runs every seat until `stop`."""
        async with asyncio.TaskGroup() as group:
            for seat in self.seats:
                group.create_task(self._run_seat(seat), name=f"seat {seat.number}")

    def status(self) -> FleetStatus:
        """What there is now."""
        here = [seat.server for seat in self.seats if seat.server is not None]
        stats = [server.stats for server in here]
        return FleetStatus(
            servers=len(self.seats),
            reporting=sum(seat.acknowledged > 0 for seat in self.seats),
            players=sum(len(server.world.players) for server in here),
            connections=sum(one.live for one in stats),
            orphaned=sum(one.orphaned for one in stats),
            acknowledged=self.link.acknowledged,
            refused=self.link.refused_reports,
        )

    async def _run_seat(self, seat: Seat) -> None:
        for life in lives_of(self.options, seat.number):
            if await self._stopped_by(life.spec.born):
                return
            await self._run_server(seat, life)

    async def _run_server(self, seat: Seat, life: Life) -> None:
        """One server's life, from its start to its last report."""
        server = seat.server = SimulatedServer(life.spec, self._era, self._clock, self._log)
        await self._let_age(server)
        agent = seat.agent = self._agent(seat, server)
        running = asyncio.create_task(agent.run())
        try:
            while self._clock() < self._era.unix(life.ends) and not await self._stopped_within(FRAME):
                server.advance(self._clock())
        finally:
            server.stop()
            await agent.aclose(FLUSH)
            await running
            seat.reported += agent.status().acknowledged
            seat.server = seat.agent = None

    async def _let_age(self, server: SimulatedServer) -> None:
        """What happened before it began to report; one server after the other, so that the first are soon there."""
        async with self._ageing:
            while self._era.unix(server.moment) < self._clock() - FRAME and not self._stop.is_set():
                server.advance(min(self._clock(), self._era.unix(server.moment + SLICE)))
                await asyncio.sleep(0)

    def _agent(self, seat: Seat, server: SimulatedServer) -> Agent:
        transport, interval = self._transport(seat.number), self.options.interval
        if interval is None:
            return Agent(server.world.manager, transport)
        return Agent(server.world.manager, transport, interval=interval, max_interval=interval)

    def _transport(self, number: int) -> AsyncHttpTransport | AsyncWebSocketTransport:
        options = self.options
        by_socket = options.sockets and number % SOCKETS == SOCKETS - 1
        kind = AsyncWebSocketTransport if by_socket else AsyncHttpTransport
        transport = kind(options.url, options.key)
        transport.inbox = HeardInbox(self.link)
        return transport

    async def _stopped_by(self, moment: float) -> bool:
        """Whether the end was asked for by that moment of the world."""
        return await self._stopped_within(max(0.0, self._era.unix(moment) - self._clock()))

    async def _stopped_within(self, seconds: float) -> bool:
        """Whether the end was asked for by then."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True
