"""The game's services and controllers, all in order: what leaks is planted (simulation.leaks), never theirs."""

from collections.abc import Callable
from typing import Final, Protocol

from simulation.services.ambient import AMBIENT, AmbientService
from simulation.services.anti_cheat import AntiCheatService
from simulation.services.chat import ChatService
from simulation.services.combat import CombatService
from simulation.services.data import DataService
from simulation.services.hud import HudController
from simulation.services.inventory import InventoryService
from simulation.services.leaderboard import LeaderboardService
from simulation.services.lobby import LobbyService
from simulation.services.match import MatchService
from simulation.services.obstacle_spawner import ObstacleSpawnerService
from simulation.services.pet import PetService
from simulation.services.quest import QuestService
from simulation.services.shop import ShopService
from simulation.services.trade import TradeService
from simulation.world import World


class Service(Protocol):
    """A service's life."""

    def initialize(self) -> None:
        """Makes it known to the agent."""

    def start(self) -> None:
        """Connects."""

    def stop(self) -> None:
        """Ends; the agent cleans up after it."""


SERVICES: Final[tuple[Callable[[World], Service], ...]] = (
    DataService,
    LobbyService,
    MatchService,
    CombatService,
    ObstacleSpawnerService,
    PetService,
    InventoryService,
    QuestService,
    ShopService,
    TradeService,
    ChatService,
    LeaderboardService,
    AntiCheatService,
    HudController,
)


def make_services(world: World) -> list[Service]:
    """All services of a server, initialized and started."""
    made: list[Service] = [make(world) for make in SERVICES]
    made += [AmbientService(world, traits) for traits in AMBIENT]
    for service in made:
        service.initialize()
    for service in made:
        service.start()
    return made


def service_names() -> list[str]:
    """The names that exist in every server."""
    return [make.__name__ for make in SERVICES if isinstance(make, type)] + [traits.name for traits in AMBIENT]
