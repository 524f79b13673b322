"""What the pages' addresses ask for: query strings into typed queries, anything odd into the default."""

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import TypeVar

from django.http import QueryDict

from connmon.accounts.models import ActorKind
from connmon.alerts.states import DeliveryState
from connmon.cleanup.states import OrderState, Origin, PlanState
from connmon.leaks.states import LedgerState, Rung
from connmon.registry.states import OwnerKind
from dashboard.queries.audit import KINDS, AuditQuery
from dashboard.queries.cleanup import PlansQuery
from dashboard.queries.leaks import MOST_PAGES, LeaksQuery
from dashboard.queries.migration import SEVERITIES, VERDICTS, MigrationQuery
from dashboard.queries.paging import Cursor
from dashboard.queries.plans import OUTCOMES
from dashboard.queries.pools import SORTS as POOL_SORTS
from dashboard.queries.pools import PoolsQuery
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
        search=search_text(asked),
        state=_choice(ShownState, asked.get("state")),
        owner_kind=_choice(OwnerKind, asked.get("kind")),
        sort=Sort(sort),
        descending=descending,
        after=asked.get("after", ""),
        before=asked.get("before", ""),
    )


def servers_query(asked: QueryDict) -> ServersQuery:
    """`q`, `status`, `sort`, `after`, `before`."""
    sort, descending = _sort(asked, set(SORTS), default="name")
    return ServersQuery(
        search=search_text(asked),
        status=_choice(ServerStatus, asked.get("status")),
        sort=sort,
        descending=descending,
        after=asked.get("after", ""),
        before=asked.get("before", ""),
    )


def pools_query(asked: QueryDict) -> PoolsQuery:
    """`q`, `type`, `sort`, `after`, `before`."""
    sort, descending = _sort(asked, set(POOL_SORTS), default="free")
    return PoolsQuery(
        type=asked.get("type", "").replace("\0", "")[:SEARCH_MAX],
        search=search_text(asked),
        sort=sort,
        descending=descending,
        after=asked.get("after", ""),
        before=asked.get("before", ""),
    )


def audit_query(asked: QueryDict) -> AuditQuery:
    """`q`, `kind`, `by`, `from` and `to` (days in UTC, both included), `after`, `before`."""
    until = _day(asked.get("to", ""))
    kind = asked.get("kind", "")
    return AuditQuery(
        search=search_text(asked),
        kind=kind if kind in KINDS else "",
        actor_kind=_choice(ActorKind, asked.get("by")),
        since=_day(asked.get("from", "")),
        until=until + timedelta(days=1) if until else None,
        cursor=cursor(asked),
    )


def cursor(asked: QueryDict) -> Cursor:
    """`after`, `before`: ids of rows."""
    return Cursor(after=number(asked.get("after", "")), before=number(asked.get("before", "")))


def page_number(asked: QueryDict) -> int:
    """`page`, from 1."""
    return max(1, min(number(asked.get("page", "1")), PAGES_MAX))


def plans_query(asked: QueryDict) -> PlansQuery:
    """`state`, `origin`, `after`, `before`."""
    state, origin = _choice(PlanState, asked.get("state")), _choice(Origin, asked.get("origin"))
    return PlansQuery(state=state, origin=origin, cursor=cursor(asked))


def leaks_query(asked: QueryDict) -> LeaksQuery:
    """`rung`, `state`, `service`, `page`."""
    return LeaksQuery(
        rung=_choice(Rung, asked.get("rung")),
        state=_choice(LedgerState, asked.get("state")),
        service=asked.get("service", "").replace("\0", "").strip()[:SEARCH_MAX],
        page=min(page_number(asked), MOST_PAGES),
    )


def migration_query(asked: QueryDict) -> MigrationQuery:
    """`upload`, `verdict`, `severity`, `service`, `page`."""
    verdict, severity = asked.get("verdict", "leak"), asked.get("severity", "")
    return MigrationQuery(
        upload=number(asked.get("upload", "")),
        verdict=verdict if verdict in VERDICTS else "leak",
        severity=severity if severity in SEVERITIES else "",
        service=asked.get("service", "").replace("\0", "").strip()[:SEARCH_MAX],
        page=page_number(asked),
    )


def order_state(asked: QueryDict) -> OrderState | None:
    """`state` of a plan's servers."""
    return _choice(OrderState, asked.get("state"))


def outcome(asked: QueryDict) -> str:
    """`outcome` of a server's connections; "": all."""
    word = asked.get("outcome", "")
    return word if word in OUTCOMES else ""


def delivery_state(asked: QueryDict) -> DeliveryState | None:
    """`state` of the messages to destinations."""
    return _choice(DeliveryState, asked.get("state"))


def number(text: str) -> int:
    """A whole number that fits the database's ids, else 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time(), UTC) if 2000 <= day.year <= 9998 else None


def search_text(asked: QueryDict) -> str:
    """`q`: the words to look for."""
    return asked.get("q", "").replace("\0", "").strip()[:SEARCH_MAX]


def _choice(kind: type[Choice], text: str | None) -> Choice | None:
    return kind(text) if text in {member.value for member in kind} else None


def _sort(asked: QueryDict, known: set[str], *, default: str) -> tuple[str, bool]:
    text = asked.get("sort", default)
    if text.removeprefix("-") not in known:
        text = default
    return text.removeprefix("-"), text.startswith("-")
