"""The leak pages: the ledger by filter, and one leak with its evidence."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet
from msgspec import Struct

from connmon.accounts.models import Membership
from connmon.leaks import queries
from connmon.leaks.models import Leak, LeakEvent
from connmon.leaks.states import LedgerState, Rung
from dashboard.leak_chart import Cell, LeakChart, draw, shade

PER_PAGE: Final = 50
HISTORY: Final = timedelta(hours=3)  # of the chart: what the rule looks at
TIDY: Final = timedelta(hours=24)
EVENTS: Final = 50
MOST_PAGES: Final = 200


class LeaksQuery(Struct, frozen=True):
    """What the address asks."""

    rung: Rung | None = None
    state: LedgerState | None = None
    service: str = ""
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        return bool(self.rung or self.state or self.service)


class LeakRow(Struct, frozen=True):
    """One line of the ledger. `still`: the last looks found it."""

    id: int
    rung: str
    state: str
    service: str
    kind: str
    site: str
    summary: str
    count: int
    version: str
    last_seen_at: datetime
    still: bool
    ignored: bool
    assignee: str


class LeaksPage(Struct, frozen=True):
    """One page of the ledger; `previous` and `next` are page numbers, 0 where there is none."""

    rows: list[LeakRow]
    previous: int
    next: int


class LeakPage(Struct, frozen=True):
    """What one leak's page shows."""

    row: LeakRow
    chart: LeakChart | None
    cells: list[Cell]
    forecast: str


def leaks_page(game_id: int, query: LeaksQuery, *, now: datetime) -> LeaksPage:
    found = queries.list_leaks(game_id, rung=query.rung or "", state=query.state or "", service=query.service)
    first = (query.page - 1) * PER_PAGE
    leaks = list(found[first : first + PER_PAGE + 1])
    return LeaksPage(
        rows=[_row(leak, now) for leak in leaks[:PER_PAGE]],
        previous=query.page - 1,
        next=query.page + 1 if len(leaks) > PER_PAGE and query.page < MOST_PAGES else 0,
    )


def tidiness_lately(game_id: int, *, now: datetime) -> dict[str, dict[str, float | int | None]]:
    """What players and services left behind within TIDY."""
    return queries.tidiness(game_id, since=now - TIDY)


def leak_page(leak: Leak, *, now: datetime) -> LeakPage:
    history = queries.leak_history(leak, since=now - HISTORY, now=now)
    return LeakPage(
        row=_row(leak, now),
        chart=draw(history, leak.evidence.get("line")),
        cells=shade(queries.cohort_strip(leak, now=now)),
        forecast=queries.forecast(leak, now=now),
    )


def leak_events(leak: Leak) -> "QuerySet[LeakEvent]":
    """What became of it lately."""
    return queries.list_events(leak)[:EVENTS]


def member_emails(game_id: int) -> list[str]:
    """Whom a leak can be given to."""
    members = Membership.objects.filter(game_id=game_id, user__is_active=True)
    return list(members.order_by("user__email").values_list("user__email", flat=True))


def _row(leak: Leak, now: datetime) -> LeakRow:
    return LeakRow(
        id=leak.pk,
        rung=leak.rung,
        state=leak.state,
        service=leak.origin.service.name,
        kind=leak.origin.type,
        site=leak.origin.site,
        summary=leak.summary,
        count=leak.count,
        version=_version(leak),
        last_seen_at=leak.last_seen_at,
        still=now - leak.last_seen_at <= queries.ACTIVE,
        ignored=leak.ignored_until is not None and leak.ignored_until > now,
        assignee=leak.assignee.email if leak.assignee else "",
    )


def _version(leak: Leak) -> str:
    if leak.state == LedgerState.FIXED:
        return f"fixed in {leak.fixed_in}"
    if leak.since_version is not None:
        return f"since {leak.since_version}"
    return f"seen in {leak.versions[-1]}" if leak.versions else ""
