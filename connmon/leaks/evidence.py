"""What the rules look at and what they say: plain values. Times are Unix seconds, all lists run oldest first."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from connmon.leaks.states import Cause, Rung

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

NO_OWNERS: Final[Ints] = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Remnant:
    """A connection that outlived something. `since`: when it was first seen so, and it has been so ever since."""

    owner: str
    opened_at: float
    since: float
    disconnected: bool  # registered though disconnected; else its owner has gone


@dataclass(frozen=True, slots=True)
class Track:
    """One creation site on one reporting server.

    `times`, `live` and `players` run in parallel, about a minute apart; a minute in which nothing was known is left
    out. `births` are the creation times of what is alive now, `owners` (of sites that players own) numbers their
    owners in parallel; for such a site `players` counts the owners.
    """

    server: str
    booted_at: float
    place_version: int | None
    times: Floats
    live: Floats
    players: Floats
    births: Floats
    present: int  # players on the server now
    owners: Ints = field(default_factory=lambda: NO_OWNERS)
    owner_names: tuple[str, ...] = ()
    remnants: tuple[Remnant, ...] = ()

    @property
    def is_owned(self) -> bool:
        """Whether players own its connections."""
        return len(self.owners) > 0


@dataclass(frozen=True, slots=True)
class Line:
    """The fitted line of growth over all servers that were looked at: connections beyond what players explain."""

    start: float
    end: float
    rise: float  # from start to end
    error: float  # standard error of `rise`

    @property
    def per_hour(self) -> float:
        return self.rise / (self.end - self.start) * 3_600


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one creation site now. `owners`: names, at most a few; `count`: connections it is about."""

    rung: Rung
    cause: Cause
    count: int
    since: float
    servers: tuple[str, ...]
    place_versions: tuple[int, ...]
    players: int  # on those servers, now
    owners: tuple[str, ...] = ()
    line: Line | None = None
