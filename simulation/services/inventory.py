"""Two handlers for each player's backpack, and the remotes to use it."""

from simulation.world import Player, World


class InventoryService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "InventoryService")

    def start(self) -> None:
        world = self._world
        world.utils.setup_player_management(self, self._open)
        definitions = [{"event": world.remotes[name], "callback": world.works(25e-6)} for name in ("Equip", "DropItem")]
        world.utils.setup_remote_events_batch(self, definitions)  # type: ignore[arg-type]  # a list of literals

    def stop(self) -> None:
        """Its connections end with it."""

    def _open(self, player: Player) -> None:
        connect, works = self._world.utils.connect, self._world.works
        connect(player.backpack_changed, works(12e-6), player, "Inventory.Added", "Instance.ChildAdded")
        connect(player.backpack_changed, works(12e-6), player, "Inventory.Removed", "Instance.ChildRemoved")
