"""A game server in virtual time, with the agent in it and a stand-in for the backend."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from connmon_agent import Agent, ConnectionManager, ConnectionUtils, Host, Players, ServerInfo, ServiceStats, Signal
from tests.agents.python.backend import Backend, Transport

EPOCH = 1_763_870_000.0


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = EPOCH

    def __call__(self) -> float:
        return self.time


class Player:
    """A player with characters."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.character: object | None = None
        self.character_added = Signal()
        self.character_removing = Signal()

    def greet(self, *_: object) -> None:
        """A callback that holds the player."""


class Entity:
    """Something in the world that can be destroyed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.destroying = Signal()


class Remote:
    """A remote event."""

    def __init__(self) -> None:
        self.on_server_event = Signal()


class RemoteFunction:
    """A remote function: what it invokes is a callback, not an event."""

    def __init__(self) -> None:
        self.on_server_invoke: object = None


class Game:
    """One server. `pass_time` lets its clock run while the agent steps and the backend answers."""

    def __init__(self, *, interval: float = 10, random: Callable[[], float] = lambda: 0.5, **agent: Any) -> None:
        self.clock = Clock()
        self.players = Players()
        self.heartbeat = Signal(on_error=self._failed)
        self.log: list[str] = []
        self.errors: list[Exception] = []
        self.host = Host(
            ServerInfo("lobby-1", 1818, 142),
            players=self.players,
            heartbeat=self.heartbeat,
            now=self.clock,
            clock=self.clock,
            random=random,
            log=self.log.append,
        )
        self.manager = ConnectionManager(self.host)
        self.utils = ConnectionUtils(self.manager)
        self.backend = Backend()
        self.backend.interval = interval
        self.transport = Transport()
        self.agent: Agent | None = None
        self._agent_options = {"interval": interval, **agent}

    def _failed(self, error: Exception) -> None:
        self.errors.append(error)

    def start(self) -> "Game":
        """Starts reporting."""
        self.agent = Agent(self.manager, self.transport, **self._agent_options)
        return self

    def signal(self) -> Signal:
        """A signal of the game, whose errors are kept."""
        return Signal(on_error=self._failed)

    def join(self, user_id: int) -> Player:
        """A player comes."""
        player = Player(user_id)
        self.players.join(player, user_id)
        return player

    def tick(self, delta: float, times: int = 1) -> None:
        """The heartbeat fires."""
        for _ in range(times):
            self.clock.time += delta
            self.heartbeat.fire(delta)

    def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Lets time pass."""
        for _ in range(round(seconds / step)):
            self.clock.time += step
            if self.agent is None:
                self.manager.step()
                continue
            self.agent.step()
            self.backend.serve(self.transport)
            self.agent.step()

    def wait_for(self, what: Callable[[], bool], seconds: float = 300, step: float = 0.5) -> None:
        """Lets time pass until `what` holds; fails when it does not within `seconds` of the server's time."""
        for _ in range(round(seconds / step)):
            if what():
                return
            self.pass_time(step, step)
        pytest.fail(f"did not come true within {seconds} s")

    def next_report(self) -> Any:
        """The next report the backend takes."""
        before = len(self.backend.received)
        self.wait_for(lambda: len(self.backend.received) > before)
        return self.backend.received[before]

    def close(self) -> bool:
        """The server ends, while the stand-in answers each report at once."""
        assert self.agent is not None
        self.transport.serve_at_once = self.backend.serve
        return self.agent.close()

    def of(self, service: str) -> ServiceStats:
        """A service's counters."""
        return self.manager.get_connection_stats().services[service]

    def live(self) -> int:
        """Live connections beside the manager's own."""
        stats = self.manager.get_connection_stats()
        return stats.live - stats.services["connmon"].live

    def logged(self, text: str) -> int:
        """How many lines of the log contain `text`."""
        return sum(text in line for line in self.log)


class Named:
    """An object that the agent knows nothing of but its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def named(value: object) -> str:
    """A value as the name of a test: its repr without addresses, which differ from process to process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def nothing(*_: object) -> None:
    """A callback that does nothing."""
