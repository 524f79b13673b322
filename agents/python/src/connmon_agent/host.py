"""The world around the agent: clock, random numbers, players, signals. Servers override what is different with
them.
"""

import logging
import mmap
import random
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from connmon_agent.players import Players
from connmon_agent.signals import Signal, SignalLike

OwnerKind = Literal["service", "controller", "player", "system"]
ConnectionState = Literal["live", "idle", "stale", "orphaned"]

_PAGE_MB: Final = mmap.PAGESIZE / 1_048_576
_STATM: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Who reports. `id` is the host's own name of this server, 1-128 characters."""

    id: str
    place_id: int | None = None
    place_version: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What the host knows of an owner: a player by its user id, an entity by its name. `present`: still on the
    server.
    """

    kind: OwnerKind
    name: str
    present: bool = True


def steady_clock() -> Callable[[], float]:
    """A clock of Unix seconds that never jumps: the wall clock's reading now, carried on by the monotonic one.

    Example::

        host = Host(now=steady_clock())
    """
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


def log_warning(message: str) -> None:
    """Writes to the log `connmon_agent`."""
    logging.getLogger("connmon_agent").warning("%s", message)


class Host:
    """What the agent needs of a server. Everything can be given or, in a subclass, overridden.

    `now` gives Unix seconds, `clock` seconds for measuring durations, `random` 0 ≤ x < 1. All calls into the
    agent, and all of its calls to the host, happen on one thread.

    Example::

        host = Host(ServerInfo("lobby-1"), players=players, heartbeat=loop.on_tick)
    """

    def __init__(
        self,
        server: ServerInfo | None = None,
        *,
        players: Players | None = None,
        heartbeat: SignalLike | None = None,
        now: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.perf_counter,
        random: Callable[[], float] = random.random,
        log: Callable[[str], object] = log_warning,
    ) -> None:
        self.server = server or ServerInfo(f"python-{uuid.uuid4()}")
        self.players = players or Players()
        self.heartbeat: SignalLike = heartbeat or Signal()
        self.now = now or steady_clock()
        self.clock = clock
        self.random = random
        self.log = log

    def new_id(self) -> str:
        """A text that is unique for ever, at most 64 characters."""
        return str(uuid.uuid4())

    def player_count(self) -> int:
        """Players on the server now."""
        return len(self.players)

    def all_players(self) -> Iterable[object]:
        """The players on the server now."""
        return list(self.players)

    def find_player(self, user_id: int) -> object | None:
        """The player with that id, or None."""
        return self.players.find(user_id)

    def identify(self, owner: object) -> Identity | None:
        """What an object is as an owner; None for one the host knows nothing of, which is then a service."""
        user_id = self.players.user_id_of(owner)
        if user_id is not None:
            return Identity("player", str(user_id), self.players.is_present(owner))
        if self.destroying(owner) is not None:
            return Identity("system", str(getattr(owner, "name", None) or type(owner).__name__))
        return None

    def player_signal(self, event_name: str) -> SignalLike:
        """The players' event "PlayerAdded" or "PlayerRemoving". Raises LookupError for another."""
        signals = {"PlayerAdded": self.players.player_added, "PlayerRemoving": self.players.player_removing}
        return signals[event_name]

    def character_signal(self, player: object, event_name: str) -> SignalLike:
        """A player's event "CharacterAdded" or "CharacterRemoving". Raises LookupError when there is none."""
        attribute = {"CharacterAdded": "character_added", "CharacterRemoving": "character_removing"}[event_name]
        signal: SignalLike | None = getattr(player, attribute, None)
        if signal is None:
            raise LookupError(attribute)
        return signal

    def character(self, player: object) -> object | None:
        """The player's character now, or None."""
        return getattr(player, "character", None)

    def destroying(self, instance: object) -> SignalLike | None:
        """The signal that tells of an entity's end; None for what has no such end."""
        signal: SignalLike | None = getattr(instance, "destroying", None)
        return signal if hasattr(signal, "connect") else None

    def remote_signal(self, remote: object) -> tuple[SignalLike, str]:
        """The server's signal of a remote event, and its type. Raises TypeError, with the reason, for anything
        else.
        """
        signal: SignalLike | None = getattr(remote, "on_server_event", None)
        if hasattr(signal, "connect"):
            assert signal is not None
            return signal, "RemoteEvent.OnServerEvent"
        if hasattr(remote, "on_server_invoke"):
            raise TypeError("a remote function's on_server_invoke is a callback: assign it instead of connecting")
        raise TypeError(f"takes a remote event, with on_server_event; {type(remote).__name__} is none")

    def memory(self) -> tuple[float | None, float | None]:
        """Megabytes: the whole process, and the engine's share for signals; None for what is not known."""
        try:
            pages = int(_STATM.read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return None, None
        return pages * _PAGE_MB, None
