"""Welcomes players and follows their characters; a player who leaves takes everything along."""

from simulation.world import Player, World


class LobbyService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "LobbyService")

    def start(self) -> None:
        utils = self._world.utils
        utils.setup_player_management(self, self._welcome, self._world.works(40e-6))
        utils.setup_heartbeat(self, self._world.works(120e-6), interval=5)

    def stop(self) -> None:
        """Its connections end with it."""

    def _welcome(self, player: Player) -> None:
        utils = self._world.utils
        utils.setup_character_management(self, player, self._world.works(200e-6))
        utils.connect(player.idled, self._world.works(5e-6), player, "Lobby.Idled", "Player.Idled")
