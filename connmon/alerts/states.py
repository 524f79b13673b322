"""Words of the alerts room. They are in the database, the API and on pages."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a rule watches; docs/alerts.md says what to do about each."""

    SERVER_LOST = "server_lost"  # running servers whose lease has run out, all of them in one alarm
    STALE_SURGE = "stale_surge"  # stale connections
    ORPHANED_SURGE = "orphaned_surge"  # orphaned connections
    POOL_EXHAUSTED = "pool_exhausted"  # pools with no free slot, on any server
    CONFIGURATION_REFUSED = "configuration_refused"  # servers that keep to an older revision
    REFUSED_REPORTS_SURGE = "refused_reports_surge"  # reports refused, a second
    EMERGENCY_FIRED = "emergency_fired"  # emergency cleanups begun in the last ten minutes
    ORDER_FAILED = "order_failed"  # cleanup orders that failed, were refused or expired in the last ten minutes
    LEAK_CONFIRMED = "leak_confirmed"  # leaks of that rung that the last looks found and nobody ignores
    LEAK_LIKELY = "leak_likely"  # the same, of that rung
    THRESHOLD = "threshold"  # any Series


class Series(StrEnum):
    """What a threshold rule compares. Sums over the game's reporting servers."""

    LIVE = "live"
    ORPHANED = "orphaned"
    STALE = "stale"
    IDLE = "idle"
    OPENED = "opened_per_second"
    CLOSED = "closed_per_second"
    PLAYERS = "players"  # of the game, never of a service
    MEMORY = "memory_mb"  # of the game, never of a service


class Comparator(StrEnum):
    """How the value is compared with the threshold."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"


class Severity(StrEnum):
    """How much it matters. A destination takes those from its own on."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """An alert's life: pending → firing → resolved. One that ends while pending leaves no row."""

    PENDING = "pending"  # it holds, not yet for as long as the rule wants
    FIRING = "firing"
    RESOLVED = "resolved"


class DestinationKind(StrEnum):
    """Where news of alerts go."""

    DISCORD = "discord"
    SLACK = "slack"
    WEBHOOK = "webhook"  # signed JSON
    EMAIL = "email"


class DeliveryState(StrEnum):
    """A delivery's life: pending, again at next_at after each failure, until sent or dead."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"  # given up; stays in the dead-letter list until it is retried or dropped


SERVICE_KINDS: Final = (Kind.STALE_SURGE, Kind.ORPHANED_SURGE, Kind.THRESHOLD)  # which may name a service
RATES: Final = (Series.OPENED, Series.CLOSED)
GAME_SERIES: Final = (Series.PLAYERS, Series.MEMORY)
SEVERITIES: Final = tuple(Severity)
EACH_SERVICE: Final = "*"  # as a rule's service: every service by itself, in one alarm that lists them
