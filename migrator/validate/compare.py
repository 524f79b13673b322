"""Two runs side by side: which events of the original are missing in the migrated code, and which are too many."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

MAX_CELLS = 4_000_000  # of the table that aligns one step; past it events are only counted


@dataclass(frozen=True, slots=True)
class Event:
    """Something the script did in a step. `kind`: "run" (the function `number`), "call" (a stub), "error", "record".

    `optional`: it began with a connection whose reason to live has gone, so it may be missing after migration.
    """

    step: int
    kind: str
    number: int
    name: str
    text: str
    root: int  # the connection that began it, 0 for none
    optional: bool

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What must be equal in both runs."""
        return (self.kind, self.number, self.name, self.text)


@dataclass(frozen=True, slots=True)
class Difference:
    """An event that only one run has: `missing` in the migrated code, or else too much in it."""

    event: Event
    missing: bool


def read_events(rows: Sequence[Sequence[Any]]) -> list[Event]:
    """Events as the child writes them."""
    events = []
    for step, kind, number, text, root, optional in rows:
        named = kind == "call"
        events.append(Event(step, kind, 0 if named else number, number if named else "", text, root, bool(optional)))
    return events


def differences(
    original: Sequence[Event], migrated: Sequence[Event], again: Sequence[Sequence[Event]] = ()
) -> list[Difference]:
    """What differs, step by step, in order.

    `again`: what other runs of the original did. Where their order is another, as in a loop over a table whose keys
    are players, it says nothing and events are counted; what they do not always do is left out.
    """
    ours, theirs = _by_step(original), _by_step(migrated)
    others = [_by_step(events) for events in again]
    found: list[Difference] = []
    for step in sorted(ours.keys() | theirs.keys()):
        found += _compare_step(ours.get(step, []), theirs.get(step, []), [other.get(step, []) for other in others])
    return found


def may_be_chance(found: Sequence[Difference]) -> bool:
    """Whether a step lacks one event and has another instead, as where an order decides that changes by itself."""
    missing = {it.event.step for it in found if it.missing}
    return any(it.event.step in missing for it in found if not it.missing)


def _by_step(events: Sequence[Event]) -> dict[int, list[Event]]:
    return {step: list(them) for step, them in groupby(events, key=lambda event: event.step)}


def _compare_step(ours: list[Event], theirs: list[Event], others: list[list[Event]]) -> list[Difference]:
    """Errors are only counted: a thread's end is told after its step, and code that fails less often does no harm."""
    failures = sum(event.kind == "error" for event in ours)
    more = [event for event in theirs if event.kind == "error"][failures:]
    calls = [[event for event in events if event.kind != "error"] for events in (ours, theirs, *others)]
    return _compare_unsteady(*calls) + [Difference(event, missing=False) for event in more]


def _compare_unsteady(ours: list[Event], theirs: list[Event], *others: list[Event]) -> list[Difference]:
    keys = [event.key for event in ours]
    if all([event.key for event in other] == keys for other in others):
        return _compare_calls(ours, theirs)
    counts = [Counter(event.key for event in events) for events in (ours, *others)]
    steady = {key for key in counts[0] if all(count[key] == counts[0][key] for count in counts)}
    unsteady = {key for count in counts for key in count} - steady
    return list(_count(*([event for event in events if event.key not in unsteady] for events in (ours, theirs))))


def _compare_calls(ours: list[Event], theirs: list[Event]) -> list[Difference]:
    if [event.key for event in ours] == [event.key for event in theirs]:
        return []
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same].key == theirs[same].key and not ours[same].optional:
        same += 1
    ours, theirs = ours[same:], theirs[same:]
    if len(ours) * len(theirs) > MAX_CELLS:
        return list(_count(ours, theirs))
    return list(_align(ours, theirs))


def _count(ours: list[Event], theirs: list[Event]) -> Iterator[Difference]:
    """Without their order: what is missing beyond the optional, and what is too many."""
    have = Counter(event.key for event in theirs)
    for event in sorted(ours, key=lambda event: event.optional):
        if have[event.key]:
            have[event.key] -= 1
        elif not event.optional:
            yield Difference(event, missing=True)
    for event in theirs:
        if have[event.key] > 0:
            have[event.key] -= 1
            yield Difference(event, missing=False)


def _align(ours: list[Event], theirs: list[Event]) -> Iterator[Difference]:
    """The alignment with the fewest differences; leaving out an optional event costs nothing."""
    rows, columns = len(ours), len(theirs)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        cost[i][columns] = cost[i + 1][columns] + (not ours[i].optional)
    for j in range(columns - 1, -1, -1):
        cost[rows][j] = cost[rows][j + 1] + 1
    for i in range(rows - 1, -1, -1):
        leave, key = not ours[i].optional, ours[i].key
        row, below = cost[i], cost[i + 1]
        for j in range(columns - 1, -1, -1):
            best = min(below[j] + leave, row[j + 1] + 1)
            row[j] = min(best, below[j + 1]) if key == theirs[j].key else best
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and ours[i].key == theirs[j].key and cost[i][j] == cost[i + 1][j + 1]:
            i, j = i + 1, j + 1
        elif i < rows and cost[i][j] == cost[i + 1][j] + (not ours[i].optional):
            if not ours[i].optional:
                yield Difference(ours[i], missing=True)
            i += 1
        else:
            yield Difference(theirs[j], missing=False)
            j += 1
