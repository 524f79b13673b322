"""Sums over a game's running servers that follow single servers: a report costs what that one server has."""

from collections.abc import Collection, Iterable, Mapping
from math import fsum

from msgspec import Struct


class ServerCounters(Struct, frozen=True):
    """One running server as its last report left it; the lists run in parallel, a place for each of its services.

    `version` is another one after every change; `due_at` in Unix seconds, memory in megabytes.
    """

    id: int
    version: str
    due_at: float
    synced: bool
    players: int
    memory_mb: float | None
    hits: int
    misses: int
    service_ids: list[int]
    live: list[int]
    idle: list[int]
    orphaned: list[int]
    stale: list[int]


class Sums:
    """Of one service, or of all. `present`: servers that name it; `unknown`: live connections of silent ones."""

    __slots__ = ("idle", "live", "orphaned", "present", "servers", "stale", "unknown")

    def __init__(self) -> None:
        self.present = self.servers = self.live = self.idle = self.orphaned = self.stale = self.unknown = 0


class Tally:
    """A game's running servers and their sums. A server is silent from the moment at which its report is due."""

    def __init__(self) -> None:
        self._servers: dict[int, ServerCounters] = {}
        self._reporting: dict[int, ServerCounters] = {}
        self.services: dict[int, Sums] = {}
        self.hits = self.misses = self.players = self.syncing = 0  # of reporting servers

    def __contains__(self, server_id: int) -> bool:
        return server_id in self._servers

    @property
    def reporting(self) -> int:
        return len(self._reporting)

    @property
    def silent(self) -> int:
        return len(self._servers) - len(self._reporting)

    @property
    def memory_mb(self) -> float | None:
        """Of reporting servers; None if none of them said. Added anew each time: floats do not subtract exactly."""
        known = [one.memory_mb for one in self._reporting.values() if one.memory_mb is not None]
        return fsum(known) if known else None

    def outdated(self, versions: Mapping[int, str]) -> list[int]:
        """Which of the servers that run, by the versions of their rows, are not known as they are now."""
        known = self._servers
        return [id for id, version in versions.items() if id not in known or known[id].version != version]

    def keep(self, running: Collection[int]) -> None:
        """Drops every server that is not among these."""
        self.drop(self._servers.keys() - running)

    def drop(self, ids: Iterable[int]) -> None:
        """Forgets these servers, known or not."""
        for id in ids:
            if server := self._servers.pop(id, None):
                self._count(server, -1, reports=self._reporting.pop(id, None) is not None)

    def put(self, servers: Iterable[ServerCounters], *, now: float) -> None:
        """Takes servers as they are at `now`, known or not."""
        for server in servers:
            self.drop([server.id])
            self._servers[server.id] = server
            if reports := server.due_at > now:
                self._reporting[server.id] = server
            self._count(server, 1, reports=reports)

    def expire(self, *, now: float) -> None:
        """Counts those as silent whose report is overdue by now."""
        overdue = [server for server in self._reporting.values() if server.due_at <= now]
        self.put(overdue, now=now)

    def _count(self, server: ServerCounters, sign: int, *, reports: bool) -> None:
        if reports:
            self.players += sign * server.players
            self.hits += sign * server.hits
            self.misses += sign * server.misses
            self.syncing += sign * (not server.synced)
            self._count_reporting(server, sign)
        else:
            self._count_silent(server, sign)

    def _count_reporting(self, server: ServerCounters, sign: int) -> None:
        columns = (server.service_ids, server.live, server.idle, server.orphaned, server.stale)
        for id, live, idle, orphaned, stale in zip(*columns, strict=True):
            sums = self._sums_of(id, sign)
            sums.servers += sign
            sums.live += sign * live
            sums.idle += sign * idle
            sums.orphaned += sign * orphaned
            sums.stale += sign * stale

    def _count_silent(self, server: ServerCounters, sign: int) -> None:
        for id, live in zip(server.service_ids, server.live, strict=True):
            self._sums_of(id, sign).unknown += sign * live

    def _sums_of(self, service_id: int, sign: int) -> Sums:
        """The sums of a service, which go with the last server that names it."""
        sums = self.services.get(service_id)
        if sums is None:
            sums = self.services[service_id] = Sums()
        sums.present += sign
        if sums.present == 0:
            del self.services[service_id]
        return sums
