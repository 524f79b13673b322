"""A server's current counters in memory, as the arrays of its row; a cache, never the truth.

A report names only what changed; its row holds everything. The image of the last committed report saves reading the
row before each write. It is used only if the row still has the image's `seq` (compare-and-set in statements.TAKE).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connmon.registry.rules import UNKNOWN, Position
from connmon.wire.v1 import PoolCounters, ServiceCounters


@dataclass(slots=True)
class Counters:
    """Parallel lists, one place for each service."""

    service_ids: list[int] = field(default_factory=list)
    live: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    idle: list[int] = field(default_factory=list)
    orphaned: list[int] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)

    def columns(self) -> tuple[list[int], ...]:
        """In the order of the table's columns."""
        return (self.service_ids, self.live, self.opened, self.closed, self.idle, self.orphaned, self.stale)


@dataclass(slots=True)
class Image:
    """One boot of one server as of its last committed report."""

    position: Position = UNKNOWN
    counters: Counters = field(default_factory=Counters)
    pools: dict[str, PoolCounters] = field(default_factory=dict)


def merge_services(old: Counters, changed: list[ServiceCounters], ids: Mapping[str, int]) -> Counters:
    """The counters after a report; `old` stays as it is, for the write may fail."""
    if not changed:
        return old
    named = [ids[service.name] for service in changed]
    if named == old.service_ids or not old.service_ids:
        return Counters(
            named,
            [s.live for s in changed],
            [s.opened for s in changed],
            [s.closed for s in changed],
            [s.idle for s in changed],
            [s.orphaned for s in changed],
            [s.stale for s in changed],
        )
    merged = Counters(*(list(column) for column in old.columns()))
    place = {service_id: index for index, service_id in enumerate(merged.service_ids)}
    for service_id, service in zip(named, changed, strict=True):
        index = place.get(service_id)
        if index is None:
            merged.service_ids.append(service_id)
            for column in merged.columns()[1:]:
                column.append(0)
            index = len(merged.service_ids) - 1
        merged.live[index] = service.live
        merged.opened[index] = service.opened
        merged.closed[index] = service.closed
        merged.idle[index] = service.idle
        merged.orphaned[index] = service.orphaned
        merged.stale[index] = service.stale
    return merged


def merge_pools(old: dict[str, PoolCounters], changed: list[PoolCounters]) -> dict[str, PoolCounters]:
    """The pools after a report; `old` stays as it is."""
    return {**old, **{pool.type: pool for pool in changed}} if changed else old
