"""Pages of rows by their id, newest first. Rows that come meanwhile neither repeat nor hide others."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from msgspec import Struct

Row = TypeVar("Row")


class Cursor(Struct, frozen=True):
    """What the address asks: the rows after (older than) or before (newer than) an id; at most one is not 0."""

    after: int = 0
    before: int = 0


class RowsPage(Struct, Generic[Row], frozen=True):
    """Rows, newest first, and the ids to ask for older and newer ones with (0: there are none)."""

    rows: list[Row]
    older: int
    newer: int


def page_by_id(found: "QuerySet[Any, Row]", cursor: Cursor, *, most: int, id_of: Callable[[Row], int]) -> RowsPage[Row]:
    """One page of `found`, which is ordered by `-id`, in one query."""
    if cursor.before:
        rows = list(found.filter(id__gt=cursor.before).order_by("id")[: most + 1])
        shown, more = rows[:most][::-1], len(rows) > most
        older, newer = bool(shown), more
    else:
        rows = list((found.filter(id__lt=cursor.after) if cursor.after else found)[: most + 1])
        shown, more = rows[:most], len(rows) > most
        older, newer = more, bool(cursor.after and shown)
    return RowsPage(
        rows=shown,
        older=id_of(shown[-1]) if older else 0,
        newer=id_of(shown[0]) if newer else 0,
    )
