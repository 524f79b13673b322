"""Trades between players: each is answered or times out, and either way its handler ends."""

from simulation.world import Player, World


class TradeService:
    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("trades")
        self._serial = 0

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "TradeService")

    def start(self) -> None:
        remotes = self._world.remotes
        self._world.utils.setup_remote_events(self, {"Trade": (remotes["Trade"], self._offer)})

    def stop(self) -> None:
        """Its connections end with it."""

    def _offer(self, player: Player) -> None:
        world = self._world
        self._serial += 1
        name = f"Trade.Answer#{self._serial}"
        answered = world.remotes["Trade"].on_server_event.connect(world.works(20e-6))
        world.manager.register_connection(self, name, answered, "RemoteEvent.OnServerEvent")
        world.timeline.after(self._chance.uniform(3, 30), lambda: world.manager.unregister_connection(self, name))
