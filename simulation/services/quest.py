"""A quest at a time for each player; its handler gives way to the next quest's."""

from simulation.world import Player, World


class QuestService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "QuestService")

    def start(self) -> None:
        world = self._world
        world.utils.setup_player_management(self, self._give)
        world.utils.setup_remote_events(self, {"CompleteQuest": (world.remotes["CompleteQuest"], self._give)})

    def stop(self) -> None:
        """Its connections end with it."""

    def _give(self, player: Player) -> None:
        world = self._world  # the name is the same for each quest, so the registry ends the handler before
        world.utils.connect(world.damage_dealt, world.works(18e-6), player, "Quest.Progress", "BindableEvent.Event")
