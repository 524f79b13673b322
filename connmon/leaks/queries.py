"""Reads of the ledger, and of what a leak's page shows. Always of one game."""

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.db import connection
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from connmon.configuration.queries import current
from connmon.configuration.schema import OPERATIONS
from connmon.core.errors import NotFound
from connmon.leaks.ledger_rules import hours_until_full, tell_forecast
from connmon.leaks.models import Leak, LeakEvent, Tidiness
from connmon.leaks.states import RUNGS, LedgerState, Rung
from connmon.registry.states import OWNER_KINDS, OwnerKind

ACTIVE: Final = timedelta(minutes=10)  # a leak that the last looks found; what agents clean comes and goes within it
COHORT: Final = 300  # seconds of one cell of the strip
COHORTS: Final = 72  # cells: six hours

# Live connections of one site by when they were opened, on our clock; the last cell holds all that is older.
STRIP: Final[LiteralString] = """
    SELECT least(greatest(floor((%(now)s - (c.opened_at - s.clock_skew)) / %(cell)s), 0), %(cells)s)::int AS age,
           count(*), count(*) FILTER (WHERE c.state = 3)
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    JOIN registry_connection c ON c.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(at)s
          AND c.service_id = %(service)s AND (%(site)s::text IS NULL OR c.type = %(type)s AND c.site = %(site)s)
    GROUP BY age ORDER BY age
"""
# A site over all servers that were heard, a minute a row.
HISTORY: Final[LiteralString] = """
    SELECT extract(epoch FROM t.at)::float8, sum(coalesce(t.live[array_position(t.origin_ids, %(origin)s)], 0))::bigint,
           sum(t.players)::bigint, count(*)
    FROM leaks_tick t JOIN registry_gameserver g ON g.id = t.server_id
    WHERE g.game_id = %(game)s AND t.at > %(since)s AND t.at <= %(now)s
    GROUP BY t.at ORDER BY t.at
"""
FULLEST: Final[LiteralString] = """
    SELECT coalesce(max((SELECT sum(n) FROM unnest(s.live) n)), 0)::float8, count(*)
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s
"""
# How often something was found that was new to the ledger, or fixed; other events only change a rung.
FOUND: Final[LiteralString] = """
    SELECT count(*) FROM (
        SELECT e.state, lag(e.state) OVER (PARTITION BY e.leak_id ORDER BY e.at, e.id) AS before
        FROM leaks_leakevent e JOIN leaks_leak l ON l.id = e.leak_id
        WHERE %(game)s::bigint IS NULL OR l.game_id = %(game)s
    ) AS event WHERE state IN ('new', 'regressed') AND state IS DISTINCT FROM before
"""


def list_leaks(
    game_id: int, *, rung: str = "", state: str = "", service: str = "", active: datetime | None = None
) -> QuerySet[Leak]:
    """A game's leaks, the surest first, then those seen last. `active`: only those still found at that moment."""
    order = Case(
        *(When(rung=rung.value, then=Value(place)) for place, rung in enumerate(RUNGS)),
        default=Value(len(RUNGS)),
        output_field=IntegerField(),
    )
    found = Leak.objects.filter(game_id=game_id).select_related("origin__service", "assignee")
    if rung:
        found = found.filter(rung=rung)
    if state:
        found = found.filter(state=state)
    if service:
        found = found.filter(origin__service__name=service)
    if active is not None:
        found = found.filter(last_seen_at__gt=active - ACTIVE)
    fixed = Case(When(state=LedgerState.FIXED.value, then=Value(1)), default=Value(0), output_field=IntegerField())
    return found.order_by(fixed, order, "-last_seen_at", "id")


def find_leak(game_id: int, leak_id: int) -> Leak:
    """One leak of a game. Raises NotFound."""
    leak = Leak.objects.filter(game_id=game_id, pk=leak_id).select_related("origin__service", "assignee").first()
    if leak is None:
        raise NotFound(f"This game has no leak {leak_id}.")
    return leak


def alarming_leaks(game_id: int, *, now: datetime) -> dict[Rung, list[str]]:
    """`service: site (leak 7)` of active leaks that nobody ignores, by rung, the largest first."""
    heard = Q(ignored_until=None) | Q(ignored_until__lte=now)
    leaks: dict[Rung, list[str]] = {rung: [] for rung in RUNGS}
    for leak in list_leaks(game_id, active=now).filter(heard).order_by("-count", "id"):
        leaks[Rung(leak.rung)].append(f"{leak.origin.service.name}: {leak.origin} (leak {leak.pk})")
    return leaks


def count_leaks(game_id: int, *, now: datetime) -> dict[str, int]:
    """Active leaks by rung."""
    active = list_leaks(game_id, active=now)
    return {rung.value: active.filter(rung=rung.value).count() for rung in RUNGS}


def count_found(game_id: int | None) -> int:
    """Leaks that were found so far, each again when it came back; None: of all games together."""
    return int(_rows(FOUND, {"game": game_id})[0][0])


def list_events(leak: Leak) -> QuerySet[LeakEvent]:
    """What became of a leak, newest first."""
    return LeakEvent.objects.filter(leak=leak).order_by("-at", "-id")


def cohort_strip(leak: Leak, *, now: datetime) -> list[dict[str, int]]:
    """Live connections by age: COHORTS cells of COHORT seconds, the youngest first, and one for all that is older."""
    return _strip(leak.game_id, leak.origin.service_id, kind=leak.origin.type, site=leak.origin.site, now=now)


def service_strip(game_id: int, service_id: int, *, now: datetime) -> list[dict[str, int]]:
    """The same for all of a service's connections."""
    return _strip(game_id, service_id, kind=None, site=None, now=now)


def _strip(game_id: int, service_id: int, *, kind: str | None, site: str | None, now: datetime) -> list[dict[str, int]]:
    values = {
        "game": game_id,
        "service": service_id,
        "type": kind,
        "site": site,
        "now": now.timestamp(),
        "at": now,
        "cell": COHORT,
        "cells": COHORTS,
    }
    cells = [{"from_s": place * COHORT, "live": 0, "orphaned": 0} for place in range(COHORTS + 1)]
    for age, live, orphaned in _rows(STRIP, values):
        cells[age] |= {"live": live, "orphaned": orphaned}
    return cells


def leak_history(leak: Leak, *, since: datetime, now: datetime) -> list[tuple[float, int, int, int]]:
    """(Unix seconds, live, players, servers) of the site each minute; those in which nobody was heard are left out."""
    values = {"game": leak.game_id, "origin": leak.origin_id, "since": since, "now": now}
    return [tuple(row) for row in _rows(HISTORY, values)]


def forecast(leak: Leak, *, now: datetime) -> str:
    """`Budget full in about 3 h.`, or "" without a budget or a line."""
    line = leak.evidence.get("line")
    budget = current(leak.game_id).get(OPERATIONS, "CONNECTION_BUDGET_PER_SERVER")
    if not line or not budget:
        return ""
    ((fullest, _),) = _rows(FULLEST, {"game": leak.game_id, "now": now})
    servers = max(int(leak.evidence.get("server_count", 1)), 1)
    return tell_forecast(hours_until_full(live=fullest, per_hour=line["per_hour"] / servers, budget=budget))


def tidiness(game_id: int, *, since: datetime) -> dict[str, dict[str, float | int | None]]:
    """By `players` and `services`: how many left, and the share that left nothing behind past the grace."""
    rows = list(
        Tidiness.objects.filter(game_id=game_id, hour__gte=since).values_list("owner_kind", "tidy", "left_behind")
    )
    return {
        "players": _share(rows, OwnerKind.PLAYER),
        "services": _share(rows, OwnerKind.SERVICE, OwnerKind.CONTROLLER),
    }


def _share(rows: list[tuple[int, int, int]], *kinds: OwnerKind) -> dict[str, float | int | None]:
    wanted = [row for row in rows if OWNER_KINDS[row[0]] in kinds]
    clean, behind = sum(row[1] for row in wanted), sum(row[2] for row in wanted)
    left = clean + behind
    return {"left": left, "clean": clean, "share": round(clean / left, 6) if left else None}


def _rows(statement: LiteralString, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
