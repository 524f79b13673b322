"""A server's current counters in memory, as the arrays of its row; a cache, never the truth.

A report names only what changed; its row holds everything. The image of the last committed report saves reading the
row before each write. It is used only if the row still has the image's `seq` (compare-and-set in statements.TAKE).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec.structs import astuple

from connmon.registry.rules import UNKNOWN, Position
from connmon.wire.v1 import PoolCounters, ServiceCounters

Column = list[int]
COLUMNS: Final = 7  # service_ids, live, opened, closed, idle, orphaned, stale: the order of the table


@dataclass(frozen=True, slots=True)
class Counters:
    """Parallel columns, one place for each service, and their text as array literals."""

    columns: tuple[Column, ...]
    literals: tuple[str, ...]


NO_COUNTERS: Final = Counters(([],) * COLUMNS, ("{}",) * COLUMNS)


@dataclass(frozen=True, slots=True)
class Image:
    """One boot of one server as of its last committed report."""

    position: Position = UNKNOWN
    counters: Counters = NO_COUNTERS
    pools: dict[str, PoolCounters] = field(default_factory=dict)


NO_IMAGE: Final = Image()

_read_numbers: Final = msgspec.json.Decoder(Column).decode


def counters_of(columns: Sequence[Column], before: Counters = NO_COUNTERS) -> Counters:
    """Counters of these columns. `before` lends the text of those that did not change: most do not from one report
    to the next, and making the text of numbers is the dearest part of a report's row."""
    literals = tuple(
        text if column == old else "{" + repr(column)[1:-1] + "}"
        for column, old, text in zip(columns, before.columns, before.literals, strict=True)
    )
    return Counters(tuple(columns), literals)


def counters_from(literals: Sequence[str]) -> Counters:
    """Counters of array literals as PostgreSQL writes them: they are text already, and read faster than by psycopg."""
    return Counters(tuple(_read_numbers(f"[{literal[1:-1]}]") for literal in literals), tuple(literals))


def merge_services(old: Counters, changed: list[ServiceCounters], ids: Mapping[str, int]) -> Counters:
    """The counters after a report; `old` stays as it is, for the write may fail."""
    if not changed:
        return old
    names, *numbers = zip(*map(astuple, changed), strict=True)
    named = [ids[name] for name in names]
    known = old.columns[0]
    if named == known or not known:
        return counters_of([named, *map(list, numbers)], old)
    columns = [list(column) for column in old.columns]
    place = {service_id: index for index, service_id in enumerate(known)}
    for service_id, *values in zip(named, *numbers, strict=True):
        index = place.get(service_id)
        if index is None:
            for column, value in zip(columns, (service_id, *values), strict=True):
                column.append(value)
        else:
            for column, value in zip(columns[1:], values, strict=True):
                column[index] = value
    return counters_of(columns, old)


def merge_pools(old: dict[str, PoolCounters], changed: list[PoolCounters]) -> dict[str, PoolCounters]:
    """The pools after a report; `old` stays as it is."""
    return {**old, **{pool.type: pool for pool in changed}} if changed else old
