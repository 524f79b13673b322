"""A shop that closes by itself: what is connected while it is open ends after some seconds."""

from typing import Final

from simulation.world import Player, World

OPEN: Final = 12.0  # seconds


class ShopService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "ShopService")

    def start(self) -> None:
        remotes = self._world.remotes
        self._world.utils.setup_remote_events(self, {"OpenShop": (remotes["OpenShop"], self._open)})
        self._world.utils.setup_heartbeat(self, self._world.works(60e-6), interval=10)

    def stop(self) -> None:
        """Its connections end with it."""

    def _open(self, player: Player) -> None:
        world = self._world
        if world.players.is_present(player):
            world.utils.connect(player.idled, world.works(5e-6), player, "Shop.Idled", "Player.Idled")
            world.timeline.after(OPEN, lambda: world.manager.unregister_connection(player, "Shop.Idled"))
