"""Rounds of two minutes, on each server in its own step; whoever listens hears when one starts and ends."""

from typing import Final

from simulation.world import World

ROUND: Final = 120.0  # seconds
BREAK: Final = 20.0


class MatchService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "MatchService")

    def start(self) -> None:
        world = self._world
        world.utils.setup_player_management(self, world.works(30e-6), world.works(30e-6))
        world.utils.setup_heartbeat(self, world.works(80e-6), interval=1, max_execution_time=0.05)
        world.utils.setup_remote_events(self, {"Vote": (world.remotes["Vote"], world.works(15e-6))})
        world.timeline.after(world.chance("rounds").uniform(0, ROUND + BREAK), self._begin)

    def stop(self) -> None:
        """Its connections end with it."""

    def _begin(self) -> None:
        self._world.round_started.fire()
        self._world.timeline.after(ROUND, self._end)

    def _end(self) -> None:
        self._world.round_ended.fire()
        self._world.timeline.after(BREAK, self._begin)
