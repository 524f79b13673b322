"""Counts what happens and refreshes the board; it matters to the game, so an emergency leaves it alone."""

from simulation.world import World


class LeaderboardService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "LeaderboardService")

    def start(self) -> None:
        manager, works = self._world.manager, self._world.works
        manager.connect_player_event("PlayerAdded", works(25e-6), self, essential=True)
        manager.connect_player_event("PlayerRemoving", works(25e-6), self, essential=True)
        manager.connect_heartbeat(works(900e-6), 3, self, essential=True)

    def stop(self) -> None:
        """Its connections end with it."""
