"""Reads of the audit trail, always of one game."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from connmon.accounts.models import AuditEntry

FIELDS: Final = (
    "id", "at", "actor_kind", "actor_id", "actor", "action", "target", "before", "after", "reason", "game_name",
)  # fmt: skip
EXPORT: Final = 10_000  # entries in one answer; the next begin after the last one's id
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def find_entries(
    game_id: int,
    *,
    action: str = "",
    actor_kind: str = "",
    actor: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> "QuerySet[AuditEntry, dict[str, Any]]":
    """A game's entries as rows of FIELDS, newest first. `action`: its beginning ("key."); `actor`: a part."""
    entries = AuditEntry.objects.filter(game_id=game_id)
    if action:
        entries = entries.filter(action__startswith=action)
    if actor_kind:
        entries = entries.filter(actor_kind=actor_kind)
    if actor:
        entries = entries.filter(actor__icontains=actor)
    if since:
        entries = entries.filter(at__gte=since)
    if until:
        entries = entries.filter(at__lt=until)
    rows: QuerySet[AuditEntry, dict[str, Any]] = entries.order_by("-id").values(*FIELDS)
    return rows


def export_entries(game_id: int, *, after: int) -> Sequence[dict[str, Any]]:
    """At most EXPORT of a game's entries with ids above `after`, oldest first."""
    return list(AuditEntry.objects.filter(game_id=game_id, id__gt=after).order_by("id").values(*FIELDS)[:EXPORT])


def csv_cells(values: Iterable[object]) -> list[str]:
    """Values as the cells of a CSV line; what a spreadsheet would take for a formula gets an apostrophe before it."""
    cells = ["" if value is None else str(value) for value in values]
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
