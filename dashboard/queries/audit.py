"""The audit page: a game's entries by filter, a page at a time, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from msgspec import Struct

from connmon.accounts.audit_queries import EXPORT, find_entries
from connmon.accounts.models import ActorKind, AuditEntry
from dashboard.differences import Difference, of_entry
from dashboard.queries.paging import Cursor, RowsPage, page_by_id

PER_PAGE: Final = 50

# The beginning of an action -> the word for all of that kind.
KINDS: Final = {
    "game.": "Game",
    "member.": "Members",
    "invitation.": "Invitations",
    "key.": "Keys",
    "link": "Links",
    "configuration.": "Configuration",
    "plan.": "Cleanup plans",
    "alert.": "Alerts",
    "leak.": "Leaks",
    "source.": "Sources",
}


class AuditQuery(Struct, frozen=True):
    """What the address asks."""

    search: str = ""
    kind: str = ""
    actor_kind: ActorKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: Cursor = Cursor()

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.kind or self.actor_kind or self.since or self.until)


class AuditRow(Struct, frozen=True):
    """One entry; `differences` is what changed by it."""

    id: int
    at: datetime
    actor_kind: str
    actor: str
    action: str
    target: str
    reason: str
    differences: list[Difference]


def audit_page(game_id: int, query: AuditQuery) -> RowsPage[AuditRow]:
    """One page, in one query. The cursor is an id, so entries that come meanwhile neither repeat nor hide others."""
    page = page_by_id(_matching(game_id, query), query.cursor, most=PER_PAGE, id_of=lambda entry: int(entry["id"]))
    return RowsPage(rows=[_row(entry) for entry in page.rows], older=page.older, newer=page.newer)


def audit_export(game_id: int, query: AuditQuery) -> Sequence[dict[str, Any]]:
    """At most EXPORT matching entries, oldest first, those with ids above the cursor's `after`."""
    return list(_matching(game_id, query).filter(id__gt=query.cursor.after).order_by("id")[:EXPORT])


def _matching(game_id: int, query: AuditQuery) -> "QuerySet[AuditEntry, dict[str, Any]]":
    entries = find_entries(
        game_id, action=query.kind, actor_kind=query.actor_kind or "", since=query.since, until=query.until
    )
    if query.search:
        fields = ("actor", "action", "target", "reason")
        wanted = [Q((f"{field}__icontains", query.search)) for field in fields]
        entries = entries.filter(wanted[0] | wanted[1] | wanted[2] | wanted[3])
    return entries


def _row(entry: dict[str, Any]) -> AuditRow:
    return AuditRow(
        id=entry["id"],
        at=entry["at"],
        actor_kind=entry["actor_kind"],
        actor=entry["actor"],
        action=entry["action"],
        target=entry["target"],
        reason=entry["reason"],
        differences=of_entry(entry["before"], entry["after"]),
    )
