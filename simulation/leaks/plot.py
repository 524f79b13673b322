"""Where a leak is planted."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from connmon_agent import ConnectionLike, ConnectionManager
from simulation.crowd import Crowd
from simulation.timeline import Timeline
from simulation.world import Player, World

HEARTBEAT: Final = "RunService.Heartbeat"
BINDABLE: Final = "BindableEvent.Event"


def nothing(*_: object) -> None:
    """What a forgotten handler does."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One service of one server, whose code gets the bug; `chance` is the leak's own."""

    world: World
    crowd: Crowd
    service: str
    chance: Random

    @property
    def manager(self) -> ConnectionManager:
        return self.world.manager

    @property
    def timeline(self) -> Timeline:
        return self.world.timeline

    @property
    def owner(self) -> str:
        """The service, as an owner."""
        kind = "controller" if self.service.endswith("Controller") else "service"
        return f"{kind}:{self.service}"

    def name(self, what: object) -> str:
        """A connection's name in this service."""
        return f"{self.service.removesuffix('Service')}.{what}"

    def on_players(self, added: Callable[[Player], object], removing: Callable[[Player], object] = nothing) -> None:
        """Has the service hear of players, by connections it never registered."""
        self.world.players.player_added.connect(added)
        self.world.players.player_removing.connect(removing)

    def on_remote(self, name: str, act: Callable[[Player], object], share: float) -> None:
        """Has `act` happen at that share of a remote's calls."""

        def called(player: Player) -> None:
            if self.chance.random() < share:
                act(player)

        self.world.remotes[name].on_server_event.connect(called)


@dataclass(slots=True)
class Counter:
    """Numbers for names: one for each connection, or the registry would end the older of two."""

    value: int = 0

    def next(self) -> int:
        self.value += 1
        return self.value


Connections = list[ConnectionLike]
