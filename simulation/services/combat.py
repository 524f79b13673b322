"""Not migrated yet: it ends its per-player handlers itself, and connmon only watches them. Projectiles are pooled."""

from typing import Final

from connmon_agent import ConnectionLike
from simulation.world import Player, World

HEARTBEAT: Final = "RunService.Heartbeat"
FLIGHT: Final = (1.0, 4.0)  # seconds a projectile lives


class CombatService:
    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("projectiles")
        self._flights: set[ConnectionLike] = set()

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "CombatService")

    def start(self) -> None:
        utils = self._world.utils
        utils.setup_player_management(self, self._track, self._untrack)
        utils.setup_remote_events(self, {"Attack": (self._world.remotes["Attack"], self._shoot)})

    def stop(self) -> None:
        """What is only watched, and what no registry knows, ends by its own code."""
        for flight in tuple(self._flights):
            self._land(flight)
        for player in self._world.players:
            self._untrack(player)

    def _track(self, player: Player) -> None:
        world, register = self._world, self._world.manager.register_connection
        register(player, "Combat.Combo", world.heartbeat.connect(world.works(20e-6)), HEARTBEAT, watch=True)
        damage = world.damage_dealt.connect(world.works(10e-6))
        register(player, "Combat.Damage", damage, "BindableEvent.Event", watch=True)

    def _untrack(self, player: object) -> None:
        self._world.manager.unregister_connection(player, "Combat.Combo")
        self._world.manager.unregister_connection(player, "Combat.Damage")

    def _shoot(self, player: Player) -> None:
        world = self._world
        flight = world.manager.get_pooled_connection(HEARTBEAT, world.heartbeat, world.works(8e-6))
        self._flights.add(flight)
        world.timeline.after(self._chance.uniform(*FLIGHT), lambda: self._hit(flight))

    def _hit(self, flight: ConnectionLike) -> None:
        self._land(flight)
        self._world.damage_dealt.fire()

    def _land(self, flight: ConnectionLike) -> None:
        self._flights.discard(flight)
        self._world.manager.return_connection_to_pool(HEARTBEAT, flight)
