"""One server's place: its players, their characters, things, remotes and shared signals, and the agent's host."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from weakref import WeakSet

from connmon_agent import ConnectionManager, ConnectionUtils, Host, Players, ServerInfo, Signal
from simulation.timeline import EventClock, Timeline, WorkClock, chance_of

PLACE_ID: Final = 1818
HEARTBEAT: Final = 1.0  # seconds of the world between two heartbeats: enough for services, a 60th of a game's cost
REMOTES: Final = ("Attack", "Equip", "OpenShop", "Trade", "CompleteQuest", "DropItem", "Emote", "Vote", "Teleport")
MB_PER_PLAYER: Final = 4.5
MB_PER_CONNECTION: Final = 0.012  # with what its callback captures
SIGNALS_MB: Final = (2.0, 0.0012)  # at rest, and for each connection


class Remote:
    """A remote event."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self.on_server_event = world.signal()


class Entity:
    """Something in the place that can be destroyed: a part, a tool, a character."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self.destroying = world.signal()
        self.touched = world.signal()
        self.died = world.signal()

    def destroy(self) -> None:
        """Its end, which whoever listens hears of."""
        self.destroying.fire()


class Player:
    """Somebody on the server."""

    def __init__(self, world: "World", user_id: int) -> None:
        self.user_id = user_id
        self.name = f"Player{user_id}"
        self.character: Entity | None = None
        self.character_added = world.signal()
        self.character_removing = world.signal()
        self.moved = world.signal()
        self.chatted = world.signal()
        self.idled = world.signal()
        self.backpack_changed = world.signal()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a world is given: names and chance follow from `seed`; `clock` and `work` are the server's."""

    server_id: str
    place_version: int
    seed: str
    clock: EventClock
    work: WorkClock
    log: Callable[[str], object]


class PlaceHost(Host):
    """The agent's view of a world."""

    def __init__(self, world: "World", given: Surroundings) -> None:
        super().__init__(
            ServerInfo(given.server_id, PLACE_ID, given.place_version),
            players=world.players,
            heartbeat=world.heartbeat,
            now=given.clock,
            clock=given.work,
            random=world.chance("agent").random,
            log=given.log,
        )
        self._world = world
        self._base = world.chance("memory").uniform(700, 1_100)

    def memory(self) -> tuple[float | None, float | None]:
        """Megabytes that follow players and connections."""
        live = self._world.manager.get_connection_stats().live
        total = self._base + MB_PER_PLAYER * self.player_count() + MB_PER_CONNECTION * live
        at_rest, each = SIGNALS_MB
        return total, at_rest + each * live


class World:
    """One server's place. `faults`: what callbacks raised, which in a world that is in order is nothing."""

    def __init__(self, given: Surroundings, timeline: Timeline) -> None:
        self.given = given
        self.timeline = timeline
        self.faults: list[Exception] = []
        self._work = self.chance("work")
        self._signals: WeakSet[Signal] = WeakSet()
        self.players = Players()
        self.heartbeat = self.signal()
        self.round_started, self.round_ended = self.signal(), self.signal()
        self.damage_dealt, self.weather_changed = self.signal(), self.signal()
        self.tag_added = self.signal()
        self.announcements = self.signal()
        self.spawned = self.signal()
        self.remotes = {name: Remote(self, name) for name in REMOTES}
        self.host = PlaceHost(self, given)
        self.manager = ConnectionManager(self.host)
        self.utils = ConnectionUtils(self.manager)

    def signal(self) -> Signal:
        """A new signal of this world."""
        made = Signal(on_error=self.faults.append)
        self._signals.add(made)
        return made

    def chance(self, name: str) -> Random:
        """This server's chance for what `name` says, apart from all others."""
        return chance_of(self.given.seed, name)

    def works(self, seconds: float) -> Callable[..., None]:
        """A callback that takes about `seconds`, as the profiler sees it."""
        spend, random = self.given.work.spend, self._work.random

        def callback(*_: Any) -> None:
            spend(seconds * (0.6 + 0.8 * random()))

        return callback

    def engine_connections(self) -> int:
        """Live connections by the signals' own count, which asks no registry."""
        return sum(len(signal) for signal in self._signals)

    def respawn(self, player: Player) -> None:
        """The player gets a new character; the old one dies and is destroyed."""
        self._remove_character(player)
        if self.players.is_present(player):
            player.character = Entity(self, "Character")
            player.character_added.fire(player.character)
            self.spawned.fire(player)

    def join(self, player: Player) -> None:
        """The player comes and gets a character."""
        self.players.join(player, player.user_id)
        self.respawn(player)

    def leave(self, player: Player) -> None:
        """The player goes, and the character too."""
        self.players.leave(player)
        self._remove_character(player)

    def _remove_character(self, player: Player) -> None:
        old, player.character = player.character, None
        if old is not None:
            old.died.fire()
            player.character_removing.fire(old)
            old.destroy()
