"""What the pages' addresses ask for: query strings into typed queries, anything odd into the default."""

from enum import StrEnum
from typing import TypeVar

from django.http import QueryDict

from connmon.registry.states import OwnerKind
from dashboard.queries.registry import RegistryQuery, ShownState, Sort
from dashboard.queries.servers import SORTS, ServersQuery, ServerStatus

SEARCH_MAX = 128  # characters; names are no longer
PAGES_MAX = 10_000

Choice = TypeVar("Choice", bound=StrEnum)


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


def _search(asked: QueryDict) -> str:
    return asked.get("q", "").replace("\0", "").strip()[:SEARCH_MAX]


def _choice(kind: type[Choice], text: str | None) -> Choice | None:
    return kind(text) if text in {member.value for member in kind} else None


def _sort(asked: QueryDict, known: set[str], *, default: str) -> tuple[str, bool]:
    text = asked.get("sort", default)
    if text.removeprefix("-") not in known:
        text = default
    return text.removeprefix("-"), text.startswith("-")
