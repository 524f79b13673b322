"""An agent over a real network, in a time that goes faster, and all its transports."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from connmon_agent import Agent, AsyncHttpTransport, ConnectionManager, Host, HttpTransport, ServerInfo, Signal
from connmon_agent.transports import Transport
from connmon_agent.transports.background import BackgroundTransport
from connmon_agent.transports.websocket import AsyncWebSocketTransport, WebSocketTransport
from tests.agents.python.game import nothing

PATIENCE: Final = 10.0  # seconds before a test gives up
KEY: Final = "cm_7_hidden"
SPEED: Final = 20.0  # of the agent's clock


class Make(Protocol):
    """Makes a transport to an address."""

    def __call__(self, url: str, key: str, *, timeout: float = ...) -> Transport: ...


def background(url: str, key: str, *, timeout: float = 5) -> Transport:
    """A transport of asyncio in a thread."""
    return BackgroundTransport(AsyncHttpTransport(url, key, timeout=timeout))


HTTP: Final[dict[str, Make]] = {"threads": HttpTransport, "asyncio": AsyncHttpTransport, "background": background}
SOCKETS: Final[dict[str, Make]] = {
    "socket in a thread": WebSocketTransport,
    "socket in asyncio": AsyncWebSocketTransport,
}


def quick() -> float:
    """Unix seconds, of a kind."""
    return 1_763_870_000 + time.monotonic() * SPEED


class Client:
    """An agent that reports every 0.1 s of its own time, whose retries come at once."""

    def __init__(self, transport: Transport, name: str = "lobby-1") -> None:
        self.log: list[str] = []
        self.signal = Signal()
        self.manager = ConnectionManager(Host(ServerInfo(name), now=quick, random=lambda: 0.0, log=self.log.append))
        self.transport = transport
        self.agent = Agent(self.manager, transport, interval=0.1)
        self.slowest_step = 0.0

    def connect(self, count: int) -> None:
        """Connections to report."""
        for number in range(count):
            self.manager.register_connection("Combat", f"n{number}", self.signal.connect(nothing))

    async def until(self, what: Callable[[], object]) -> None:
        """Steps until `what` holds."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, f"did not come true; log: {self.log}"
            started = time.perf_counter()
            self.agent.step()
            self.slowest_step = max(self.slowest_step, time.perf_counter() - started)
            await asyncio.sleep(0.002)
