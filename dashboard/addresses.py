"""What the pages' addresses ask for: query strings into typed queries, anything odd into the default."""

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import TypeVar

from django.http import QueryDict

from connmon.accounts.models import ActorKind
from connmon.registry.states import OwnerKind
from dashboard.queries.audit import KINDS, AuditQuery
from dashboard.queries.registry import RegistryQuery, ShownState, Sort
from dashboard.queries.servers import SORTS, ServersQuery, ServerStatus

SEARCH_MAX = 128  # characters; names are no longer
PAGES_MAX = 10_000

Choice = TypeVar("Choice", bound=Enum)


def registry_query(asked: QueryDict, *, service_id: int | None = None, server_id: int | None = None) -> RegistryQuery:
    """`q`, `state`, `kind`, `sort` (`-opened` is descending), `after`, `before`."""
    sort, descending = _sort(asked, {sort.value for sort in Sort}, default="-opened")
    return RegistryQuery(
        service_id=service_id,
        server_id=server_id,
        search=_search(asked),
        state=_choice(ShownState, asked.get("state")),
        owner_kind=_choice(OwnerKind, asked.get("kind")),
        sort=Sort(sort),
        descending=descending,
        after=asked.get("after", ""),
        before=asked.get("before", ""),
    )


def servers_query(asked: QueryDict) -> ServersQuery:
    """`q`, `status`, `sort`, `page`."""
    sort, descending = _sort(asked, set(SORTS), default="name")
    number = asked.get("page", "1")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    return ServersQuery(
        search=_search(asked),
        status=_choice(ServerStatus, asked.get("status")),
        sort=sort,
        descending=descending,
        page=max(1, min(page, PAGES_MAX)),
    )


def audit_query(asked: QueryDict) -> AuditQuery:
    """`q`, `kind`, `by`, `from` and `to` (days in UTC, both included), `after`, `before`."""
    until = _day(asked.get("to", ""))
    kind = asked.get("kind", "")
    return AuditQuery(
        search=_search(asked),
        kind=kind if kind in KINDS else "",
        actor_kind=_choice(ActorKind, asked.get("by")),
        since=_day(asked.get("from", "")),
        until=until + timedelta(days=1) if until else None,
        after=number(asked.get("after", "")),
        before=number(asked.get("before", "")),
    )


def number(text: str) -> int:
    """A whole number that fits the database's ids, else 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time(), UTC) if 2000 <= day.year <= 9998 else None


def _search(asked: QueryDict) -> str:
    return asked.get("q", "").replace("\0", "").strip()[:SEARCH_MAX]


def _choice(kind: type[Choice], text: str | None) -> Choice | None:
    return kind(text) if text in {member.value for member in kind} else None


def _sort(asked: QueryDict, known: set[str], *, default: str) -> tuple[str, bool]:
    text = asked.get("sort", default)
    if text.removeprefix("-") not in known:
        text = default
    return text.removeprefix("-"), text.startswith("-")
