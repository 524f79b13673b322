"""A pet for each character: it follows on every heartbeat and ends with the character."""

from simulation.world import Entity, Player, World


class PetService:
    def __init__(self, world: World) -> None:
        self._world = world

    def initialize(self) -> None:
        self._world.utils.wrap_service(self, "PetService")

    def start(self) -> None:
        self._world.utils.setup_player_management(self, self._adopt)

    def stop(self) -> None:
        """Its connections end with it, and those of the characters with them."""

    def _adopt(self, player: Player) -> None:
        self._world.utils.setup_character_management(self, player, self._follow)

    def _follow(self, character: Entity) -> None:
        world, register = self._world, self._world.manager.register_connection
        register(character, "Pet.Follow", world.heartbeat.connect(world.works(15e-6)), "RunService.Heartbeat")
        register(character, "Pet.Died", character.died.connect(world.works(30e-6)), "Humanoid.Died")
