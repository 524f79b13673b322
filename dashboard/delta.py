"""What changed between two states of a page, as little as the browser needs to know.

A state is plain JSON data: sections by name. A section that is a list of rows with an `id` is compared row by row.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct, json, to_builtins

Plain = dict[str, Any]
_NEW = object()  # equal to no value


def plain(state: Struct) -> Plain:
    """A page's state as JSON data."""
    builtins: Plain = to_builtins(state)
    return builtins


def state_message(at: datetime, data: Plain, *, whole: bool) -> str:
    """What a browser gets: everything (`whole`), or what changed."""
    return json.encode({"kind": "state", "at": round(at.timestamp() * 1000), "whole": whole, "data": data}).decode()


def difference(before: Plain, after: Plain) -> Plain:
    """Sections of `after` that are not as before.

    Rows become {"rows": new ones, and of changed ones the id and what is different, "gone": ids}.
    """
    changed: Plain = {}
    for name, section in after.items():
        if section == before.get(name):
            continue
        if not isinstance(section, list):
            changed[name] = section
        elif rows := _changed_rows(before.get(name) or [], section):
            changed[name] = rows
    return changed


def _changed_rows(before: list[Plain], after: list[Plain]) -> Plain | None:
    """None if only the order is another: the browser keeps its own."""
    old = {row["id"]: row for row in before}
    rows = [_changed_row(old.get(row["id"], {}), row) for row in after if old.get(row["id"]) != row]
    gone = sorted(old.keys() - {row["id"] for row in after})
    return {"rows": rows, "gone": gone} if rows or gone else None


def _changed_row(before: Plain, after: Plain) -> Plain:
    return {name: value for name, value in after.items() if name == "id" or before.get(name, _NEW) != value}
