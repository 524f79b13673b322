"""The rules that every game begins with."""

from dataclasses import dataclass
from typing import Final

from connmon.alerts.states import EACH_SERVICE, Comparator, Kind, Severity


@dataclass(frozen=True, slots=True)
class DefaultRule:
    """A Rule's fields; seconds."""

    name: str
    kind: Kind
    threshold: float
    hold_seconds: int
    keep_seconds: int
    severity: Severity
    service: str = ""
    comparator: Comparator = Comparator.AT_LEAST


# keep_seconds 60 and more: what comes and goes within a minute is one alarm, not many.
DEFAULTS: Final = (
    DefaultRule("Servers lost", Kind.SERVER_LOST, 1, 60, 60, Severity.CRITICAL),
    DefaultRule("Stale connections", Kind.STALE_SURGE, 100, 300, 300, Severity.WARNING, EACH_SERVICE),
    DefaultRule("Orphaned connections", Kind.ORPHANED_SURGE, 50, 300, 300, Severity.WARNING, EACH_SERVICE),
    DefaultRule("Pools exhausted", Kind.POOL_EXHAUSTED, 1, 120, 120, Severity.WARNING),
    DefaultRule("Configuration refused", Kind.CONFIGURATION_REFUSED, 1, 300, 60, Severity.WARNING),
    DefaultRule("Reports refused", Kind.REFUSED_REPORTS_SURGE, 1, 60, 120, Severity.WARNING),
    DefaultRule("Emergency cleanup", Kind.EMERGENCY_FIRED, 1, 0, 0, Severity.CRITICAL),
    DefaultRule("Leaks confirmed", Kind.LEAK_CONFIRMED, 1, 0, 600, Severity.CRITICAL),
    DefaultRule("Leaks likely", Kind.LEAK_LIKELY, 1, 0, 600, Severity.WARNING),
    DefaultRule("Cleanup orders failed", Kind.ORDER_FAILED, 1, 0, 0, Severity.WARNING),
)
