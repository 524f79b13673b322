"""The players: they come, play, die, rest and go. Each has a chance of its own, so that one more changes no other."""

import math
from random import Random
from typing import Final

from simulation.timeline import chance_of
from simulation.world import Player, World

CROWD: Final = (8, 18)  # players a server has on average, drawn for each
FULL: Final = 30  # players at most
SESSION: Final = 480.0  # seconds, the mean; a few stay for an hour
SPREAD: Final = 0.8  # of the logarithm of a session's length
LIVES: Final = (25.0, 150.0)  # seconds from one respawn to the next
ACTS: Final = 10.0  # seconds between two of a player's acts, the mean
REST: Final = 0.006  # share of gaps in which a player is away from the keyboard
RESTS: Final = (240.0, 600.0)  # seconds

# What players do, and how often beside each other.
DOES: Final = {
    "Attack": 40,
    "Equip": 10,
    "OpenShop": 10,
    "Trade": 5,
    "CompleteQuest": 5,
    "DropItem": 6,
    "Emote": 8,
    "Vote": 4,
    "Teleport": 2,
    "chat": 10,
}


class Crowd:
    """One server's players, about as many as `CROWD` says."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("crowd")
        self._wanted = self._chance.randint(*CROWD)
        self.open = True

    def start(self) -> None:
        """As many as usual are there at once; others come as they go."""
        for _ in range(self._wanted):
            self._arrive()
        self._world.timeline.every(lambda: self._chance.expovariate(self._wanted / SESSION), self._arrive)

    def visit(self, user_id: int, seconds: float) -> None:
        """Somebody comes for `seconds`, unless already here."""
        world = self._world
        if not self.open or world.players.find(user_id) is not None:
            return
        player = Player(world, user_id)
        chance = chance_of(world.given.seed, "player", user_id, world.timeline.now)
        world.join(player)
        world.timeline.after(seconds, lambda: world.leave(player))
        self._live_on(player, chance)
        self._go_on(player, chance)

    def send_home(self) -> None:
        """Everybody leaves, and nobody comes any more."""
        self.open = False
        for player in self._world.players:
            assert isinstance(player, Player)
            self._world.leave(player)

    def _arrive(self) -> None:
        user_id = self._chance.randrange(10_000_000, 9_000_000_000)
        seconds = self._chance.lognormvariate(math.log(SESSION) - SPREAD**2 / 2, SPREAD)
        if len(self._world.players) < FULL:
            self.visit(user_id, seconds)

    def _live_on(self, player: Player, chance: Random) -> None:
        """One life after the other, while the player is here."""

        def die() -> None:
            if self._world.players.is_present(player):
                self._world.respawn(player)
                self._live_on(player, chance)

        self._world.timeline.after(chance.uniform(*LIVES), die)

    def _go_on(self, player: Player, chance: Random) -> None:
        """One act after the other, while the player is here."""

        def act() -> None:
            if self._world.players.is_present(player):
                self._act(player, chance)
                self._go_on(player, chance)

        rests = chance.random() < REST
        self._world.timeline.after(chance.uniform(*RESTS) if rests else chance.expovariate(1 / ACTS), act)

    def _act(self, player: Player, chance: Random) -> None:
        player.moved.fire()
        deed = chance.choices(tuple(DOES), tuple(DOES.values()))[0]
        if deed == "chat":
            player.chatted.fire("hello")
            return
        if deed in {"Equip", "DropItem", "Trade"}:
            player.backpack_changed.fire()
        self._world.remotes[deed].on_server_event.fire(player)
