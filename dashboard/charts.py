"""Which charts a page offers, by the word in its address (`?chart=rates`), and the one that it shows."""

from collections.abc import Mapping
from typing import Final

from django.http import QueryDict
from msgspec import Struct

from connmon.telemetry.measures import Split
from dashboard.ranges import OFFERED, TimeRange


class Preset(Struct, frozen=True):
    """One chart: a line for each measure, or one measure split. `tips`: live values move its newest point."""

    word: str
    measures: Mapping[str, str]  # name -> the line's word
    split: Split = Split.NONE
    tips: bool = True


Presets = Mapping[str, Preset]  # by the word in the address

STATES: Final = {"live": "Live", "orphaned": "Orphaned", "stale": "Stale"}
RATES: Final = {"opened_rate": "Opened", "closed_rate": "Closed"}

GAME: Final[Presets] = {
    "services": Preset("Live by service", {"live": "Live"}, Split.SERVICE),
    "types": Preset("Live by type", {"live": "Live"}, Split.TYPE, tips=False),
    "orphans": Preset("Orphaned by service", {"orphaned": "Orphaned"}, Split.SERVICE, tips=False),
    "states": Preset("All by state", STATES),
    "rates": Preset("Opened and closed a second", RATES),
    "servers": Preset("Servers", {"servers": "Reporting"}),
    "players": Preset("Players", {"players": "Players"}),
    "memory": Preset("Memory", {"memory_mb": "Memory"}),
    "reuse": Preset("Pool reuse", {"pool_reuse": "Reuse"}, tips=False),
}
SERVICE: Final[Presets] = {
    "states": Preset("By state", {"live": "Live", "orphaned": "Orphaned"}),
    "types": Preset("Live by type", {"live": "Live"}, Split.TYPE, tips=False),
    "rates": Preset("Opened and closed a second", RATES),
    "stale": Preset("Idle and stale", {"idle": "Idle", "stale": "Stale"}),
}
SERVER: Final[Presets] = {
    "states": Preset("By state", {"live": "Live", "orphaned": "Orphaned"}),
    "services": Preset("Live by service", {"live": "Live"}, Split.SERVICE, tips=False),
    "rates": Preset("Opened and closed a second", RATES, tips=False),
    "players": Preset("Players", {"players": "Players"}),
    "memory": Preset("Memory", {"memory_mb": "Memory"}),
}
POOLS: Final[Presets] = {
    "use": Preset("In use by type", {"pool_in_use": "In use"}, Split.TYPE, tips=False),
    "size": Preset("Size by type", {"pool_size": "Size"}, Split.TYPE, tips=False),
    "reuse": Preset("Reuse by type", {"pool_reuse": "Reuse"}, Split.TYPE, tips=False),
    "rates": Preset("Reused and made a second", {"pool_hits_rate": "Reused", "pool_misses_rate": "Made"}, tips=False),
}
PROFILES: Final[Presets] = {
    "services": Preset("Time by service", {"callback_ms": "Time"}, Split.SERVICE, tips=False),
    "types": Preset("Time by type", {"callback_ms": "Time"}, Split.TYPE, tips=False),
    "sites": Preset("Time by site", {"callback_ms": "Time"}, Split.SITE, tips=False),
}
SERVICE_PROFILES: Final[Presets] = {word: PROFILES[word] for word in ("sites", "types")}


class ChartHead(Struct, frozen=True):
    """What a chart's template needs before any number is there."""

    url: str
    presets: Presets
    chosen: str
    range: TimeRange

    @property
    def offered(self) -> Mapping[str, str]:
        return OFFERED


def chart_head(url: str, presets: Presets, asked: QueryDict, shown: TimeRange) -> ChartHead:
    """The chart of `presets` that the address asks for."""
    return ChartHead(url, presets, chosen_preset(presets, asked), shown)


def chosen_preset(presets: Presets, asked: QueryDict) -> str:
    """`chart`, or the first one."""
    word = asked.get("chart", "")
    return word if word in presets else next(iter(presets))
