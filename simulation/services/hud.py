"""A controller: it shows each player's health and the round, and its own Stop cleans up."""

from simulation.world import Player, World


class HudController:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.enhance_controller(self, "HudController")

    def start(self) -> None:
        world = self._world
        world.utils.setup_player_management(self, self._show)
        started = world.round_started.connect(world.works(40e-6))
        world.manager.register_connection(self, "RoundStarted", started, "BindableEvent.Event")

    def stop(self) -> None:
        """Its connections end with it."""

    def _show(self, player: Player) -> None:
        world = self._world
        world.utils.connect(world.damage_dealt, world.works(6e-6), player, "Hud.Health", "BindableEvent.Event")
