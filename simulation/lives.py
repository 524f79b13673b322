"""Which servers a fleet has, one after the other in each seat: a plain consequence of its options."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from simulation.leaks import Planted
from simulation.server import FIRST_VERSION, ServerSpec
from simulation.timeline import chance_of

LIFETIMES: Final = (40 * 60.0, 4 * 3600.0)  # seconds of the world a server lives, drawn for each
DEPLOYS: Final = 90 * 60.0  # seconds of the world between two place versions
ROLL: Final = 6.0  # seconds of the world between two servers of a deploy
PAUSE: Final = 5.0  # seconds of the world until another server takes a place


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """A fleet.

    `age`: seconds of the world that its servers have been running at most when they begin to report. `interval`:
    seconds between reports at most; None leaves it to the backend. `deploys`: seconds of the world between two.
    `sockets`: whether some servers report over WebSockets.
    """

    url: str
    key: str
    servers: int = 40
    leaks: tuple[Planted, ...] = ()
    seed: int = 1
    speed: float = 1.0
    interval: float | None = None
    age: float = 600.0
    sockets: bool = True
    deploys: float = DEPLOYS


@dataclass(frozen=True, slots=True)
class Life:
    """A server, and the world's moment at which it ends: by its own age, or by the next deploy."""

    spec: ServerSpec
    ends: float


def lives_of(options: FleetOptions, seat: int) -> Iterator[Life]:
    """The servers of a seat, without end. A deploy reaches one seat after the other."""
    reached = seat * ROLL
    born = chance_of(options.seed, seat, "born").uniform(0, options.age / 2)
    for generation in count():
        seed = f"{options.seed}/{seat}/{generation}"
        deploys = max(0, int((born - reached) // options.deploys))
        next_deploy = reached + (deploys + 1) * options.deploys
        ends = min(next_deploy, born + chance_of(seed, "lifetime").uniform(*LIFETIMES))
        name = uuid.UUID(int=chance_of(seed, "name").getrandbits(128), version=4)
        yield Life(ServerSpec(str(name), seed, born, FIRST_VERSION + deploys, options.leaks), ends)
        born = ends + PAUSE
