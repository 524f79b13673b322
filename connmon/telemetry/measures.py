"""What charts can draw: every series by its name, where it comes from, and by what it can be split."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, LiteralString

from connmon.telemetry.tables import GAMES, POOLS, PROFILES, SERVICES, STATES, TYPES, Table


class Split(StrEnum):
    """One line for each of these."""

    NONE = "none"
    """One line for all."""
    SERVICE = "service"
    TYPE = "type"
    """The type of connection or of pool."""
    SITE = "site"
    """Where connections were made, script:line."""


class Unit(StrEnum):
    """What the numbers are."""

    COUNT = "count"
    PER_SECOND = "per_second"
    MS_PER_SECOND = "ms_per_second"
    """Milliseconds spent in each second."""
    MEGABYTES = "mb"
    SHARE = "share"
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One series. A gauge has a mean, a lowest and a highest value in each point; a rate has its value alone."""

    name: str
    unit: Unit
    gauge: LiteralString | None  # its column
    rate: LiteralString | None  # SQL of the value in one point, over rows of fleet tables
    tables: dict[Split, Table]
    of_server: bool  # whether single servers have it too


def _gauge(name: str, column: LiteralString, unit: Unit, *, of_server: bool = False, **tables: Table) -> Measure:
    return Measure(name, unit, column, None, _by_split(tables), of_server)


def _rate(name: str, value: LiteralString, unit: Unit, *, of_server: bool = False, **tables: Table) -> Measure:
    return Measure(name, unit, None, value, _by_split(tables), of_server)


def _by_split(tables: dict[str, Table]) -> dict[Split, Table]:
    return {Split(name): table for name, table in tables.items()}


def _growth(column: LiteralString) -> LiteralString:
    """A second, over the time that was watched; null where none was."""
    return f"sum({column})::float8 / nullif(sum(watched), 0)"


REUSE: Final[LiteralString] = "sum(hits_new)::float8 / nullif(sum(hits_new) + sum(misses_new), 0)"
# Of the time that a point stands for; the newest one is not over yet. A minute is the finest there is.
SPENT: Final[LiteralString] = """
    sum(total_us_new)::float8 / 1000
    / least(%(step)s, greatest(60, %(until)s - floor(extract(epoch FROM min(at)) / %(step)s) * %(step)s))::float8
"""

_ALL: Final = (
    *(_gauge(state, state, Unit.COUNT, of_server=True, none=GAMES, service=SERVICES, type=TYPES) for state in STATES),
    _rate("opened_rate", _growth("opened_new"), Unit.PER_SECOND, of_server=True, none=GAMES, service=SERVICES),
    _rate("closed_rate", _growth("closed_new"), Unit.PER_SECOND, of_server=True, none=GAMES, service=SERVICES),
    _gauge("servers", "servers", Unit.COUNT, none=GAMES, service=SERVICES),
    _gauge("players", "players", Unit.COUNT, of_server=True, none=GAMES),
    _gauge("memory_mb", "memory_mb", Unit.MEGABYTES, of_server=True, none=GAMES),
    _gauge("signals_mb", "signals_mb", Unit.MEGABYTES, of_server=True, none=GAMES),
    _gauge("pool_size", "size", Unit.COUNT, type=POOLS),
    _gauge("pool_in_use", "in_use", Unit.COUNT, type=POOLS),
    _rate("pool_hits_rate", _growth("hits_new"), Unit.PER_SECOND, none=GAMES, type=POOLS),
    _rate("pool_misses_rate", _growth("misses_new"), Unit.PER_SECOND, none=GAMES, type=POOLS),
    _rate("pool_reuse", REUSE, Unit.SHARE, none=GAMES, type=POOLS),
    _rate("callback_ms", SPENT, Unit.MS_PER_SECOND, service=PROFILES, type=PROFILES, site=PROFILES),
    _rate("servers_joined", "sum(joined)::float8", Unit.COUNT, none=GAMES),
    _rate("servers_gone", "sum(gone)::float8", Unit.COUNT, none=GAMES),
)
MEASURES: Final = {measure.name: measure for measure in _ALL}
