"""What rules look at: one game as it is at one moment. Each part is read when a rule first asks for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, LiteralString

from django.db import connection

from connmon.alerts.models import RefusalMark
from connmon.alerts.rules import rate
from connmon.configuration.models import Revision
from connmon.leaks.queries import alarming_leaks
from connmon.leaks.states import Rung
from connmon.registry.queries import list_services

RATE_WINDOW: Final = timedelta(seconds=60)  # six samples: shorter jumps with each report
RECENT: Final = timedelta(minutes=10)  # how long an emergency or a failed order is news
LISTED: Final = 50  # names in one alarm; the count says how many there are

# One narrow row for each running server of the game.
SERVERS: Final[LiteralString] = """
    SELECT g.name, s.due_at > %(now)s, s.due_at, s.players, coalesce(s.memory_mb, 0), s.config_revision
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL ORDER BY s.due_at, g.name
"""
# Pools without a free slot, the fullest first. An empty pool (size 0: pooling is off) is not exhausted.
POOLS: Final[LiteralString] = """
    SELECT g.name || ': ' || p.type, p.in_use
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id,
         unnest(s.pool_types, s.pool_size, s.pool_in_use) AS p(type, size, in_use)
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s AND p.size > 0 AND p.in_use >= p.size
    ORDER BY p.in_use DESC, 1
"""
# Growth is reckoned boot by boot: totals over servers jump when one server takes another's place.
SAMPLES: Final[LiteralString] = """
    SELECT v.name, sum(t.opened_new)::float8 / sum(t.watched), sum(t.closed_new)::float8 / sum(t.watched)
    FROM telemetry_servicesample t JOIN registry_service v ON v.id = t.service_id
    WHERE t.game_id = %(game)s AND t.step = 10 AND t.at > %(since)s AND t.at <= %(now)s AND t.watched > 0
    GROUP BY v.name
"""
EMERGENCIES: Final[LiteralString] = """
    SELECT 'plan ' || id || ' by ' || created_by FROM cleanup_plan
    WHERE game_id = %(game)s AND origin IN ('emergency', 'threshold') AND started_at > %(since)s ORDER BY id DESC
"""
# Plans live for minutes; the day keeps the search to a few rows of the game's index.
FAILED_ORDERS: Final[LiteralString] = """
    SELECT 'plan ' || o.plan_id || ', ' || coalesce(g.name, o.server_id::text) || ': ' || o.state
    FROM cleanup_plan p JOIN cleanup_order o ON o.plan_id = p.id
    LEFT JOIN registry_gameserver g ON g.id = o.server_id
    WHERE p.game_id = %(game)s AND p.created_at > %(day)s AND o.state IN ('failed', 'refused', 'expired')
          AND o.finished_at > %(since)s
    ORDER BY o.finished_at DESC
"""


@dataclass(frozen=True, slots=True)
class ServerReading:
    """A running server. `due_at`: when its lease ends, or ended."""

    name: str
    reporting: bool
    due_at: datetime
    players: int
    memory_mb: float
    config_revision: int


@dataclass(frozen=True, slots=True)
class Rates:
    """A second."""

    opened: float
    closed: float


class Readings:
    """One game at `now`. `up`: since when we have watched without a gap."""

    def __init__(self, game_id: int, *, now: datetime, up: datetime) -> None:
        self.game_id, self.now, self.up = game_id, now, up

    @cached_property
    def services(self) -> list[dict[str, Any]]:
        """registry.queries.SERVICE_FIELDS of every service."""
        return list_services(self.game_id, now=self.now)

    @cached_property
    def servers(self) -> list[ServerReading]:
        """Every running server, those longest silent first."""
        return [ServerReading(*row) for row in self._rows(SERVERS)]

    @cached_property
    def exhausted_pools(self) -> list[str]:
        """`server: type` of every pool without a free slot."""
        return [name for name, _ in self._rows(POOLS)]

    @cached_property
    def emergencies(self) -> list[str]:
        """Emergency cleanups that began within RECENT."""
        return [name for (name,) in self._rows(EMERGENCIES, since=self.now - RECENT)]

    @cached_property
    def failed_orders(self) -> list[str]:
        """Orders that ended badly within RECENT."""
        day = self.now - timedelta(days=1)
        return [name for (name,) in self._rows(FAILED_ORDERS, since=self.now - RECENT, day=day)]

    @cached_property
    def leaks(self) -> dict[Rung, list[str]]:
        """Service and site of the leaks that the last looks found and nobody ignores, the largest first."""
        return alarming_leaks(self.game_id, now=self.now)

    @cached_property
    def revision(self) -> Revision | None:
        """The configuration that holds."""
        return Revision.objects.filter(game_id=self.game_id).order_by("-number").first()

    @cached_property
    def rates(self) -> dict[str, Rates]:
        """By service, over RATE_WINDOW."""
        found = self._rows(SAMPLES, since=self.now - RATE_WINDOW)
        return {name: Rates(opened, closed) for name, opened, closed in found}

    @cached_property
    def refusals_per_second(self) -> float | None:
        """Reports refused, over RATE_WINDOW."""
        marks = RefusalMark.objects.filter(game_id=self.game_id, at__gte=self.now - RATE_WINDOW, at__lte=self.now)
        return rate([(at, 1, total) for at, total in marks.order_by("at").values_list("at", "total")])

    def _rows(self, statement: LiteralString, **values: datetime) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"game": self.game_id, "now": self.now, **values})
            return list(cursor.fetchall())
