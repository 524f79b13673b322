"""Pages of a statement's rows, in any order: each begins where the one before ended, whatever came and went meanwhile.

A cursor names the row that a page ended with: the value that is sorted by, and what tells rows of that value apart.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from dashboard.queries.fetch import fetch

Row = TypeVar("Row")
INFINITE: Final = {False: "Infinity", True: "-Infinity"}  # by `descending`: what is not known comes last either way
MOST_CHARACTERS: Final = 2_000  # of a cursor


class Key(Struct, frozen=True):
    """An expression over the rows, and its SQL type: text, float8 or bigint. Only constants of this code."""

    expression: str
    kind: str = "text"


def number(expression: str, *, descending: bool) -> Key:
    """A number that may be unknown."""
    return Key(f"coalesce(({expression})::float8, '{INFINITE[descending]}')", "float8")


class Listing(Struct, frozen=True):
    """Rows to page through: `columns` of the statement `rows`, ordered by `keys`, which together name one row.

    Every value is bound; the texts are constants.
    """

    columns: str
    rows: str
    keys: tuple[Key, ...]
    descending: bool

    def whole(self) -> str:
        """The statement of all rows, in their order."""
        order = self._order("DESC" if self.descending else "ASC")
        return f"SELECT {self.columns} FROM ({self.rows}) AS listed ORDER BY {order}"

    def page(self, *, past: bool, backwards: bool) -> str:
        """The statement of one page: `key_<n>` are the values of the row that it comes after, `most` bounds it."""
        ascending = self.descending == backwards
        keys = ", ".join(key.expression for key in self.keys)
        bound = ", ".join(f"%(key_{place})s::{key.kind}" for place, key in enumerate(self.keys))
        where = f"WHERE ({keys}) {'>' if ascending else '<'} ({bound})" if past else ""
        texts = ", ".join(f"({key.expression})::text" for key in self.keys)
        order = self._order("ASC" if ascending else "DESC")
        # Columns are made of the few rows of the page only, not of all that are sorted.
        few = f"SELECT * FROM ({self.rows}) AS listed {where} ORDER BY {order} LIMIT %(most)s"
        return f"SELECT {self.columns}, ARRAY[{texts}] FROM ({few}) AS listed ORDER BY {order}"

    def _order(self, way: str) -> str:
        return ", ".join(f"{key.expression} {way}" for key in self.keys)


class Slice(Struct, Generic[Row], frozen=True):
    """One page. Cursors are empty where no page follows or precedes."""

    rows: list[Row]
    next: str
    previous: str


def read_slice(
    kind: Callable[..., Row],
    listing: Listing,
    parameters: dict[str, Any],
    *,
    after: str,
    before: str,
    most: int,
) -> Slice[Row]:
    """The rows after or before a cursor; one that cannot be read is taken as none: the first page."""
    cursor = _read_cursor(after or before, listing.keys)
    backwards = bool(before) and not after and cursor is not None
    values = {f"key_{place}": value for place, value in enumerate(cursor or [])}
    sql = listing.page(past=cursor is not None, backwards=backwards)
    found = fetch(lambda *row: (kind(*row[:-1]), row[-1]), sql, parameters | values | {"most": most + 1})
    more, found = len(found) > most, found[:most]
    if backwards:
        found.reverse()
    has_next, has_previous = (True, more) if backwards else (more, cursor is not None)
    return Slice(
        rows=[row for row, _ in found],
        next=_write_cursor(found[-1][1]) if found and has_next else "",
        previous=_write_cursor(found[0][1]) if found and has_previous else "",
    )


def _write_cursor(values: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _read_cursor(text: str, keys: tuple[Key, ...]) -> list[str] | None:
    """The keys' values, or None if the cursor is empty or was not written for these keys."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text[:MOST_CHARACTERS] + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(values, list) or len(values) != len(keys):
        return None
    fit = all(_fits(value, key.kind) for value, key in zip(values, keys, strict=True))
    return values if fit else None


def _fits(value: object, kind: str) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        if kind == "float8":
            float(value)
        if kind == "bigint":
            return value.isascii() and -(2**63) <= int(value) < 2**63
    except ValueError:
        return False
    return value.isascii() or kind == "text"
