"""The information of one busy report, as every peer gets it: 50 services and 6 pools, 4 numbers each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.loader import Slot

SERVICES = 50
POOLS = 6

# Numbers and whether they only grow. Names are connmon's; a peer may add what its format asks for.
SERVICE_NUMBERS = {"live": False, "idle": False, "opened": True, "closed": True}
POOL_NUMBERS = {"size": False, "in_use": False, "handed_out": True, "reused": True}

SAMPLES = SERVICES * len(SERVICE_NUMBERS) + POOLS * len(POOL_NUMBERS)


@dataclass(frozen=True, slots=True)
class Number:
    """One sample: its name, and its value as a slot of a template."""

    name: str
    value: Slot
    grows: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A service or a pool and its four numbers."""

    kind: str
    name: str
    numbers: tuple[Number, ...]


def subjects() -> Iterator[Subject]:
    """All services, then all pools."""
    for index in range(SERVICES):
        yield _subject("service", f"Service{index + 1:02d}", index, SERVICE_NUMBERS)
    for index in range(POOLS):
        yield _subject("pool", f"Pool{index + 1}", index, POOL_NUMBERS)


def _subject(kind: str, name: str, index: int, numbers: dict[str, bool]) -> Subject:
    made = (_number(number, index, grows) for number, grows in numbers.items())
    return Subject(kind, name, tuple(made))


def _number(name: str, index: int, grows: bool) -> Number:
    value = Slot.counter(1000 * (index + 1), step=index % 7 + 1) if grows else Slot.counter(10 + index)
    return Number(name, value, grows)
