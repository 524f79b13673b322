"""Loads a player's data and saves it, by and by and at the end; essential."""

from simulation.world import World


class DataService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "DataService")

    def start(self) -> None:
        manager, works = self._world.manager, self._world.works
        manager.connect_player_event("PlayerAdded", works(400e-6), self, essential=True)
        manager.connect_player_event("PlayerRemoving", works(600e-6), self, essential=True)
        manager.connect_heartbeat(works(250e-6), 30, self, essential=True)

    def stop(self) -> None:
        """Its connections end with it."""
