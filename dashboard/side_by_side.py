"""A unified diff as two columns, or as one."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from msgspec import Struct

MOST_ROWS: Final = 4_000
HUNK: Final = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Side(Struct, frozen=True):
    """One line of one column; `number` 0: there is none."""

    number: int = 0
    text: str = ""


class Row(Struct, frozen=True):
    """What stands side by side. `kind`: same, changed, or gap (lines left out before this)."""

    kind: str
    before: Side = Side()
    after: Side = Side()


class Line(Struct, frozen=True):
    """A line of one column. `kind`: same, gone, come, or gap."""

    kind: str
    number: int = 0
    text: str = ""


def one_column(rows: Iterable[Row]) -> Iterator[Line]:
    """What goes stands above what comes."""
    for kind, run in groupby(rows, key=lambda row: row.kind):
        changed = list(run)
        if kind != "changed":
            yield from (Line(kind, row.after.number, row.after.text) for row in changed)
            continue
        for side in ("gone", "come"):
            lines = [row.before if side == "gone" else row.after for row in changed]
            yield from (Line(side, line.number, line.text) for line in lines if line.number)


def side_by_side(patch: str) -> list[Row]:
    """The rows of a patch of one file, MOST_ROWS at most: what was taken away stands beside what came for it."""
    rows: list[Row] = []
    for row in _rows(patch.split("\n")):
        if len(rows) == MOST_ROWS:
            break
        rows.append(row)
    return rows


def _rows(lines: list[str]) -> Iterator[Row]:
    old = new = 0
    gone: list[Side] = []
    come: list[Side] = []
    for line in lines:
        head = HUNK.match(line)
        if head:
            yield from _pairs(gone, come)
            old, new = int(head[1]), int(head[2])
            yield Row("gap")
        elif old and line.startswith("-"):
            gone.append(Side(old, line[1:].expandtabs(4)))
            old += 1
        elif old and line.startswith("+"):
            come.append(Side(new, line[1:].expandtabs(4)))
            new += 1
        elif old and line.startswith(" "):
            yield from _pairs(gone, come)
            text = line[1:].expandtabs(4)
            yield Row("same", Side(old, text), Side(new, text))
            old, new = old + 1, new + 1
    yield from _pairs(gone, come)


def _pairs(gone: list[Side], come: list[Side]) -> Iterator[Row]:
    """Empties both lists, row by row."""
    for place in range(max(len(gone), len(come))):
        yield Row("changed", *(side[place] if place < len(side) else Side() for side in (gone, come)))
    gone.clear()
    come.clear()
