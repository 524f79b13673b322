"""The services of this server by number, and how many connections of each are idle, stale or orphaned now.

What was opened and closed is counted by class (classes.py) and added up when somebody asks.
"""

from typing import Final

from connmon_agent.text import clean

MAX_SERVICES: Final = 1_000  # the protocol's bound; names past it share one entry
MAX_NAME: Final = 128  # characters, the protocol's bound
OTHER: Final = "(other)"


class Services:
    """Services by number, counted from 1 (0 means "none said")."""

    __slots__ = ("_index", "idle", "names", "orphaned", "stale")

    def __init__(self) -> None:
        self._index: dict[str, int] = {}
        self.names: list[str] = [""]
        self.idle: list[int] = [0]
        self.stale: list[int] = [0]
        self.orphaned: list[int] = [0]

    def intern(self, name: str) -> int:
        """The number of the service called `name`, as the wire writes it; a new one gets its counters."""
        known = self._index.get(name)
        if known is not None:
            return known
        written = clean(name, MAX_NAME)  # two long names that are cut to the same are one service, not a duplicate
        if written != name:
            return self.intern(written)
        if len(self.names) >= MAX_SERVICES and name != OTHER:
            return self.intern(OTHER)
        number = len(self.names)
        self._index[name] = number
        self.names.append(name)
        for counters in (self.idle, self.stale, self.orphaned):
            counters.append(0)
        return number
