"""The registry: one slot per connection in a struct of arrays. No object and no closure belong to a connection;
a slot that was freed is used again, an id never. Each owner has one dictionary from name to slot.
"""

from array import array
from typing import Final, Protocol

from connmon_agent.classes import WATCH, Classes
from connmon_agent.host import ConnectionState
from connmon_agent.services import Services
from connmon_agent.signals import ConnectionLike

LIVE: Final = 0
IDLE: Final = 1
STALE: Final = 2
ORPHANED: Final = 3
STATE_NAMES: Final[tuple[ConnectionState, ...]] = ("live", "idle", "stale", "orphaned")

# Flags, for the recorder. QUEUED and CHANGED outlive the connection: they say that the slot stands in a queue.
SENT: Final = 1
QUEUED: Final = 2
CHANGED: Final = 4
SNAPSHOT: Final = 8

_SMALLEST_GROWTH: Final = 64  # slots
_NONE: Final = -1  # end of the list of free slots, which runs through `owner`


class Listener(Protocol):
    """What hears of changes while reports are made."""

    def opened(self, slot: int) -> None:
        """A connection came, and is not queued yet."""

    def closed(self, number: int, service: int) -> None:
        """The connection with this id went; its opening was sent."""

    def changed(self, slot: int) -> None:
        """A connection has a new state."""


class Registry:
    """The columns are public to the agent's other modules: `connections[slot]` is None where the slot is free."""

    __slots__ = (
        "_capacity", "_counters", "_free", "_listener", "activities", "at", "by_name", "classes", "cls", "connections",
        "flags", "ids", "last_id", "names", "owner", "services", "state", "top",
    )  # fmt: skip

    def __init__(self) -> None:
        self.services = Services()
        self.classes = Classes(self.services)
        self.connections: list[ConnectionLike | None] = []
        self.names: list[str] = []
        self.owner = array("i")
        self.cls = array("I")
        self.ids = array("Q")
        self.at = array("d")  # Unix seconds
        self.state = bytearray()
        self.flags = bytearray()
        self.activities: dict[int, object] = {}  # by slot, for those whose firing is followed
        self.by_name: list[dict[str, int]] = []  # by owner
        self.last_id = 0
        self.top = 0  # slots ever used
        self._capacity = 0
        self._free = _NONE
        self._listener: Listener | None = None
        services = self.services
        self._counters = {IDLE: services.idle, STALE: services.stale, ORPHANED: services.orphaned}

    def listen(self, listener: Listener) -> None:
        """Tells `listener` of every change from now on."""
        self._listener = listener

    def add(self, owner: int, name: str, connection: ConnectionLike, cls: int, at: float) -> int:
        """Puts a connection into a slot and returns the slot. The name must be free under that owner."""
        slot = self._free
        if slot >= 0:
            self._free = self.owner[slot]
        else:
            slot = self.top
            if slot == self._capacity:
                self._grow()
            self.top = slot + 1
        self.connections[slot] = connection
        self.names[slot] = name
        self.by_name[owner][name] = slot
        self.classes.opened[cls] += 1
        self.last_id = number = self.last_id + 1
        self.ids[slot] = number
        self.owner[slot] = owner
        self.cls[slot] = cls
        self.at[slot] = at
        self.state[slot] = LIVE
        if self._listener is not None and not self.flags[slot] & QUEUED:
            self._listener.opened(slot)
        return slot

    def remove(self, slot: int) -> ConnectionLike:
        """Takes a connection out of its slot and returns it, still connected. The slot is free afterwards."""
        del self.by_name[self.owner[slot]][self.names[slot]]
        return self._vacate(slot)

    def take_all(self, owner: int, *, watched: bool) -> list[ConnectionLike]:
        """Takes all of an owner's connections out (without `watched`, those not only watched) and returns them."""
        own = self.by_name[owner]
        marks, cls = self.classes.marks, self.cls
        kept = {} if watched else {name: slot for name, slot in own.items() if marks[cls[slot]] & WATCH}
        taken = [self._vacate(slot) for name, slot in own.items() if name not in kept]
        self.by_name[owner] = kept
        return taken

    def set_state(self, slot: int, state: int) -> None:
        """Gives a connection a new state and keeps its service's counters right."""
        old = self.state[slot]
        if old == state or self.connections[slot] is None:
            return
        service = self.classes.service[self.cls[slot]]
        if old != LIVE:
            self._counters[old][service] -= 1
        if state != LIVE:
            self._counters[state][service] += 1
        self.state[slot] = state
        if self._listener is not None:
            self._listener.changed(slot)

    def opened_at(self, slot: int) -> float:
        """Unix seconds at which the connection was registered, in whole milliseconds: so they travel unchanged."""
        return round(self.at[slot], 3)

    def _vacate(self, slot: int) -> ConnectionLike:
        """Empties a slot, but for its owner's dictionary."""
        connection = self.connections[slot]
        assert connection is not None
        cls = self.cls[slot]
        self.connections[slot] = None
        self.names[slot] = ""
        self.classes.closed[cls] += 1
        if self.state[slot] != LIVE:
            self._counters[self.state[slot]][self.classes.service[cls]] -= 1
        flags = self.flags[slot]
        if flags:
            self.flags[slot] = flags & (QUEUED | CHANGED)
            if flags & SENT and self._listener is not None:
                self._listener.closed(self.ids[slot], self.classes.service[cls])
        if self.activities:
            self.activities.pop(slot, None)
        self.owner[slot] = self._free
        self._free = slot
        return connection

    def _grow(self) -> None:
        more = max(_SMALLEST_GROWTH, self._capacity // 4)
        self._capacity += more
        self.connections.extend([None] * more)
        self.names.extend([""] * more)
        for column in (self.owner, self.cls, self.ids, self.at):
            column.frombytes(bytes(more * column.itemsize))
        self.state.extend(bytes(more))
        self.flags.extend(bytes(more))
