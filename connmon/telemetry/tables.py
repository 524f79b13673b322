"""What the tables of history hold, for the statements that are made from it. Each is partitioned by step and time.

A gauge stands as it is (`live`); rolled up rows add its lowest, highest and summed values (`live_min`, `live_max`,
`live_sum`: the mean is the sum over `ticks`), which are null where they would only repeat it. `increases` are counters'
growth within `watched` seconds. `lasts` are counters as last seen.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from connmon.telemetry.resolutions import MINUTE, STEPS, TICK


@dataclass(frozen=True, slots=True)
class Table:
    """One table of fleet history; `keys` beside step and at. `finest`: the step that is made from current state."""

    name: LiteralString
    keys: tuple[LiteralString, ...]
    gauges: tuple[LiteralString, ...]
    increases: tuple[LiteralString, ...] = ()
    lasts: tuple[LiteralString, ...] = ()
    finest: int = TICK

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(step for step in STEPS if step >= self.finest)


STATES: Final = ("live", "idle", "orphaned", "stale")

GAMES: Final = Table(
    "telemetry_gamesample",
    ("game_id",),
    ("servers", "players", "memory_mb", "signals_mb", *STATES),
    ("opened_new", "closed_new", "hits_new", "misses_new", "joined", "gone"),
    ("pool_hits", "pool_misses"),
)
SERVICES: Final = Table(
    "telemetry_servicesample",
    ("game_id", "service_id"),
    ("servers", *STATES),
    ("opened_new", "closed_new"),
    ("opened", "closed"),
)
POOLS: Final = Table(
    "telemetry_poolsample", ("game_id", "type"), ("size", "in_use"), ("hits_new", "misses_new"), ("hits", "misses")
)
TYPES: Final = Table("telemetry_typesample", ("game_id", "service_id", "type"), STATES, finest=MINUTE)
PROFILES: Final = Table(
    "telemetry_profilesample",
    ("game_id", "service_id", "type", "site"),
    ("p50_us", "p95_us", "max_us"),
    ("count_new", "total_us_new"),
    finest=MINUTE,
)
FLEET: Final = (GAMES, SERVICES, POOLS, TYPES, PROFILES)
SERVERS: Final[LiteralString] = "telemetry_serversample"  # packed, see models.ServerSample

PARTITIONED: Final[tuple[tuple[str, tuple[int, ...]], ...]] = (
    *((table.name, table.steps) for table in FLEET),
    (SERVERS, STEPS),
)
