"""Listens to what each player says."""

from simulation.world import Player, World


class ChatService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "ChatService")

    def start(self) -> None:
        world = self._world
        world.utils.setup_player_management(self, self._listen)
        world.manager.connect_remote_event(world.remotes["Emote"], world.works(10e-6), self)

    def stop(self) -> None:
        """Its connections end with it."""

    def _listen(self, player: Player) -> None:
        self._world.utils.connect(player.chatted, self._world.works(30e-6), player, "Chat.Chatted", "Player.Chatted")
