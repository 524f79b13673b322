"""What the next report has to say of connections: opened, closed and changed since the last one that was built.
A report, once built, is sent until it is acknowledged; when one is given up, a snapshot starts, which needs no
memory of it.

The queues hold slot numbers; a flag on the slot keeps each in its queue once, so no queue outgrows the
registry. Closings need memory of their own and are bounded: past the bound a snapshot says the same in less
room.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from connmon_agent.owners import Owners
from connmon_agent.registry import CHANGED, LIVE, QUEUED, SENT, SNAPSHOT, STATE_NAMES, Registry
from connmon_agent.text import quote

MAX_CLOSED: Final = 20_000  # closings kept; a snapshot replaces more
MAX_EVENTS: Final = 2_000  # of one kind in one report; the protocol allows 5,000
ROOM: Final = 170 * 1024  # bytes for all events, of the 256 KB a body may have
PART_CONNECTIONS: Final = 1_000  # of one snapshot part
PART_BYTES: Final = 140 * 1024  # of a snapshot part, estimated
SMALLEST_PART: Final = 50  # connections; what repeated "body-too-large" halves it down to
_ENTRY_BYTES: Final = 70  # of an opened entry beside its texts
_NAME_BYTES: Final = 6 * 128  # of a name in ASCII at worst, each character escaped


@dataclass(frozen=True, slots=True)
class Events:
    """What goes into one report, as JSON: each list is the inside of an array. `more`: another report is
    waiting.
    """

    opened: str
    closed: str
    changed: str
    part: int | None
    of: int | None
    more: bool


class Recorder:
    """Listens to a registry; the first report is a snapshot."""

    def __init__(self, registry: Registry, owners: Owners) -> None:
        self._registry = registry
        self._owners = owners
        self._opened: deque[int] = deque()
        self._changed: deque[int] = deque()
        self._closed: deque[tuple[int, int]] = deque()
        self._part_connections = PART_CONNECTIONS
        self._ends: list[int] = []  # one past the last slot of each part; empty: no snapshot under way
        self._next_part = 0
        self.snapshot_wanted = True
        self.overflows = 0  # times that closings had to give way to a snapshot
        registry.listen(self)

    def opened(self, slot: int) -> None:
        """A connection came, and is not queued yet."""
        self._registry.flags[slot] |= QUEUED
        self._opened.append(slot)

    def closed(self, number: int, service: int) -> None:
        """The connection with this id went; its opening was sent."""
        if self.snapshot_wanted:
            return  # what a snapshot does not name is dropped by it
        self._closed.append((number, service))
        if len(self._closed) > MAX_CLOSED:
            self._closed.clear()
            self.overflows += 1
            self.snapshot_wanted = True

    def changed(self, slot: int) -> None:
        """A connection has a new state."""
        flags = self._registry.flags[slot]
        if flags & SENT and not flags & CHANGED:
            self._registry.flags[slot] = flags | CHANGED
            self._changed.append(slot)

    def want_snapshot(self) -> None:
        """Asks for the whole registry from the next report on, in parts."""
        self.snapshot_wanted = True

    def shrink_parts(self) -> None:
        """After "body-too-large": parts of half the size."""
        self._part_connections = max(SMALLEST_PART, self._part_connections // 2)
        self.snapshot_wanted = True

    def take(self) -> Events:
        """Takes what the next report says; afterwards it counts as sent."""
        if self.snapshot_wanted:
            self._plan_snapshot()
        entries: list[str] = []
        room, part, of = ROOM, None, None
        if self._ends:
            part, of = self._next_part + 1, len(self._ends)
            room -= self._take_part(entries)
        closed = self._take_closed(room // 3)
        changed = self._take_changed(room // 3)
        self._take_opened(entries, room - len(closed) - len(changed))
        more = bool(self._opened or self._closed or self._changed or self._ends)
        return Events(",".join(entries), closed, changed, part, of, more)

    def _entry(self, slot: int) -> str:
        registry = self._registry
        state = registry.state[slot]
        changed = "" if state == LIVE else f',"state":"{STATE_NAMES[state]}"'
        return (
            f'{{"id":{registry.ids[slot]}{self._owners.fragment(registry.owner[slot])},'
            f'"name":{quote(registry.names[slot], 128)}{registry.classes.fragment[registry.cls[slot]]},'
            f'"at":{registry.at[slot]:.3f}{changed}}}'
        )

    def _plan_snapshot(self) -> None:
        """Marks every connection for the snapshot and cuts the slots into ranges that fit a part."""
        registry = self._registry
        fragments = registry.classes.fragment
        ends: list[int] = []
        count = size = 0
        for slot in range(registry.top):
            registry.flags[slot] &= QUEUED | CHANGED
            if registry.connections[slot] is None:
                continue
            registry.flags[slot] |= SNAPSHOT
            name = registry.names[slot]
            texts = len(name) if name.isascii() else _NAME_BYTES
            texts += len(self._owners.fragment(registry.owner[slot])) + len(fragments[registry.cls[slot]])
            count += 1
            size += _ENTRY_BYTES + texts
            if count > self._part_connections or size > PART_BYTES:
                ends.append(slot)
                count, size = 1, _ENTRY_BYTES + texts
        ends.append(registry.top)
        self._ends = ends
        self._next_part = 0
        self._closed.clear()
        self.snapshot_wanted = False

    def _take_part(self, entries: list[str]) -> int:
        """The next part's openings go into `entries`; returns their bytes."""
        registry = self._registry
        part = self._next_part
        size = 0
        for slot in range(self._ends[part - 1] if part else 0, self._ends[part]):
            flags = registry.flags[slot]
            if flags & SNAPSHOT:
                entry = self._entry(slot)
                entries.append(entry)
                size += len(entry) + 1
                registry.flags[slot] = flags & ~SNAPSHOT | SENT
        self._next_part = part + 1
        if self._next_part == len(self._ends):
            self._ends = []
        return size

    def _take_opened(self, entries: list[str], room: int) -> None:
        registry = self._registry
        size = count = 0
        while self._opened and count < MAX_EVENTS and size < room:
            slot = self._opened.popleft()
            flags = registry.flags[slot] = registry.flags[slot] & ~QUEUED
            if registry.connections[slot] is not None and not flags & (SENT | SNAPSHOT):
                entry = self._entry(slot)
                entries.append(entry)
                size += len(entry) + 1
                count += 1
                registry.flags[slot] = flags | SENT

    def _take_changed(self, room: int) -> str:
        registry = self._registry
        entries: list[str] = []
        size = 0
        while self._changed and len(entries) < MAX_EVENTS and size < room:
            slot = self._changed.popleft()
            flags = registry.flags[slot] = registry.flags[slot] & ~CHANGED
            if registry.connections[slot] is not None and flags & SENT:
                service = self._service(registry.classes.service[registry.cls[slot]])
                state = STATE_NAMES[registry.state[slot]]
                entries.append(f'{{"id":{registry.ids[slot]},"service":{service},"state":"{state}"}}')
                size += len(entries[-1]) + 1
        return ",".join(entries)

    def _take_closed(self, room: int) -> str:
        entries: list[str] = []
        size = 0
        while self._closed and len(entries) < MAX_EVENTS and size < room:
            number, service = self._closed.popleft()
            entries.append(f'{{"id":{number},"service":{self._service(service)}}}')
            size += len(entries[-1]) + 1
        return ",".join(entries)

    def _service(self, number: int) -> str:
        return quote(self._registry.services.names[number], 128)
