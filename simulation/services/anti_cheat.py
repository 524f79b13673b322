"""Watches how each player moves. Who rests for minutes moves nothing, and that handler is idle meanwhile."""

from simulation.world import Player, World


class AntiCheatService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "AntiCheatService")

    def start(self) -> None:
        self._world.utils.setup_player_management(self, self._watch)
        self._world.utils.setup_heartbeat(self, self._world.works(300e-6), interval=2, max_execution_time=0.05)

    def stop(self) -> None:
        """Its connections end with it."""

    def _watch(self, player: Player) -> None:
        moves = self._world.works(22e-6)
        self._world.utils.connect(player.moved, moves, player, "AntiCheat.Moved", "Instance.PropertyChanged")
