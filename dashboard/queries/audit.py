"""The audit page: a game's entries by filter, a page at a time, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from msgspec import Struct

from connmon.accounts.audit_queries import EXPORT, find_entries
from connmon.accounts.models import ActorKind, AuditEntry
from dashboard.differences import Difference, of_entry

PER_PAGE: Final = 50

# The beginning of an action -> the word for all of that kind.
KINDS: Final = {
    "game.": "Game",
    "member.": "Members",
    "key.": "Keys",
    "configuration.": "Configuration",
    "plan.": "Cleanup plans",
    "alert.": "Alerts",
}


class AuditQuery(Struct, frozen=True):
    """What the address asks: `after` and `before` are entries' ids, at most one of them is not 0."""

    search: str = ""
    kind: str = ""
    actor_kind: ActorKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    before: int = 0

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


class AuditPage(Struct, frozen=True):
    """Rows, newest first, and the cursors of older and newer ones (0: there are none)."""

    rows: list[AuditRow]
    older: int
    newer: int


def audit_page(game_id: int, query: AuditQuery) -> AuditPage:
    """One page, in one query. The cursor is an id, so entries that come meanwhile neither repeat nor hide others."""
    entries = _matching(game_id, query)
    if query.before:
        found = list(entries.filter(id__gt=query.before).order_by("id")[: PER_PAGE + 1])
        shown, more = found[:PER_PAGE][::-1], len(found) > PER_PAGE
        older, newer = bool(shown), more
    else:
        found = list((entries.filter(id__lt=query.after) if query.after else entries)[: PER_PAGE + 1])
        shown, more = found[:PER_PAGE], len(found) > PER_PAGE
        older, newer = more, bool(query.after and shown)
    return AuditPage(
        rows=[_row(entry) for entry in shown],
        older=shown[-1]["id"] if older else 0,
        newer=shown[0]["id"] if newer else 0,
    )


def audit_export(game_id: int, query: AuditQuery) -> Sequence[dict[str, Any]]:
    """At most EXPORT matching entries, oldest first, those with ids above `query.after`."""
    return list(_matching(game_id, query).filter(id__gt=query.after).order_by("id")[:EXPORT])


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
