"""The other services of a game that size: each does little, in the same few ways."""

from dataclasses import dataclass
from typing import Final

from simulation.world import Player, World


@dataclass(frozen=True, slots=True)
class Traits:
    """A service: seconds between its heartbeats (0: none), what each takes, and handlers it has for each player."""

    name: str
    interval: float
    takes: float = 50e-6
    for_each_player: int = 0


AMBIENT: Final = (
    Traits("AchievementService", 0, for_each_player=1),
    Traits("AnalyticsService", 15, 80e-6, for_each_player=1),
    Traits("BoostService", 5),
    Traits("DailyRewardService", 60),
    Traits("EconomyService", 10, for_each_player=1),
    Traits("LightingService", 1, 20e-6),
    Traits("NpcService", 1, 700e-6),
    Traits("PartyService", 0, for_each_player=1),
    Traits("SoundService", 2, 15e-6),
    Traits("TutorialService", 0, for_each_player=1),
    Traits("VehicleService", 1, 180e-6),
    Traits("WeatherService", 20, 30e-6),
)


class AmbientService:
    def __init__(self, world: World, traits: Traits) -> None:
        self._world = world
        self._traits = traits

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, self._traits.name)

    def start(self) -> None:
        world, traits = self._world, self._traits
        if traits.interval:
            world.utils.setup_heartbeat(self, world.works(traits.takes), interval=traits.interval)
        if traits.for_each_player:
            world.utils.setup_player_management(self, self._follow)

    def stop(self) -> None:
        """Its connections end with it."""

    def _follow(self, player: Player) -> None:
        world, name = self._world, self._traits.name
        for number in range(self._traits.for_each_player):
            connection = world.damage_dealt.connect(world.works(3e-6))
            kind = "BindableEvent.Event"
            world.manager.register_connection(player, f"{name}#{number}", connection, kind, service=name)
