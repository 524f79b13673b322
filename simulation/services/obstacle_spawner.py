"""Spawns obstacles during a round, each with a Touched handler of its own; a destroyed obstacle takes it along."""

from collections.abc import Callable
from typing import Final

from connmon_agent import Cleaned
from simulation.world import Entity, World

EVERY: Final = 4.0  # seconds
MAX_OBSTACLES: Final = 12


class ObstacleSpawnerService:
    cleanup_connections: Callable[[], Cleaned]  # given by wrap_service

    def __init__(self, world: World) -> None:
        self._world = world
        self._obstacles: list[Entity] = []
        self._running = False

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "ObstacleSpawnerService")

    def start(self) -> None:
        world = self._world
        world.utils.setup_heartbeat(self, self._spawn, interval=EVERY, max_execution_time=0.05)
        world.utils.setup_player_management(self, world.works(20e-6), world.works(20e-6))
        world.utils.connect_batch(
            self,
            [
                (world.round_started, self._open, "RoundStarted", "BindableEvent.Event"),
                (world.round_ended, self._clear, "RoundEnded", "BindableEvent.Event"),
            ],
        )

    def stop(self) -> None:
        self._clear()

    def cleanup(self) -> Cleaned:
        """Ends everything and says what that was."""
        self._clear()
        return self.cleanup_connections()

    def _open(self) -> None:
        self._running = True

    def _spawn(self, elapsed: float) -> None:
        self._world.given.work.spend(350e-6)
        if self._running and len(self._obstacles) < MAX_OBSTACLES:
            obstacle = Entity(self._world, "Obstacle")
            self._obstacles.append(obstacle)
            utils = self._world.utils
            utils.connect(obstacle.touched, self._world.works(5e-6), obstacle, "Touched", "BasePart.Touched")

    def _clear(self) -> None:
        self._running = False
        for obstacle in self._obstacles:
            obstacle.destroy()
        self._obstacles.clear()
