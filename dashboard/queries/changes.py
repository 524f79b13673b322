"""The changes of a file's rewrite, one by one: what each does, what was decided, what its form holds."""

import zlib
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from connmon.source.changes import agreed_parts, parts_of
from connmon.source.editing import MAX_WRITTEN, as_text
from connmon.source.models import Change, SourceFile, Upload
from connmon.source.queries import Progress, count_changes, list_changes
from connmon.source.texts import printable
from dashboard.side_by_side import Line, one_column, side_by_side
from migrator.diffs import diff_of
from migrator.interactive import Choice

PER_PAGE: Final = 25
LONGEST: Final = 400  # characters of a line that are shown


class Refused(Struct, frozen=True):
    """A decision that was not taken: what the person wrote is shown again beside the reason."""

    change_id: int
    why: str
    texts: Sequence[str] | None = None


class ChangeRow(Struct, frozen=True):
    """A change. `fields`: what its form holds, a text for each part; None if it cannot be edited there."""

    change: Change
    mark: str
    lines: list[Line]
    fields: Sequence[str] | None
    refused: str


class ChangesPart(Struct, frozen=True):
    """A page of a file's changes; `previous` and `next` are pages, 0 for none."""

    progress: Progress
    rows: list[ChangeRow]
    previous: int
    next: int


def page_of(number: int) -> int:
    """The page that a change is on."""
    return (number - 1) // PER_PAGE + 1


def changes_part(upload: Upload, file: SourceFile, *, page: int, refused: Refused | None = None) -> ChangesPart:
    """The changes of a file of this upload."""
    progress = count_changes(upload, file.path)
    last = page_of(progress.changes) if progress.changes else 1
    page = min(page, last)
    shown = list_changes(upload, path=file.path)[(page - 1) * PER_PAGE : page * PER_PAGE]
    text = zlib.decompress(file.text)
    rows = [_row(file.path, text, change, refused) for change in shown]
    return ChangesPart(progress, rows, previous=page - 1, next=page + 1 if page < last else 0)


def next_open(upload: Upload, path: str, number: int) -> int:
    """The number of the first open change after this one; this one if there is none."""
    later = list_changes(upload, path=path, choice=Choice.OPEN).filter(number__gt=number)
    return later.values_list("number", flat=True).first() or number


def _row(path: str, text: bytes, change: Change, refused: Refused | None) -> ChangeRow:
    mine = refused if refused and refused.change_id == change.pk else None
    pieces = [(part.span, part.text) for part in agreed_parts(change)]
    diff = diff_of(path, text, pieces).decode("utf-8", "backslashreplace")
    return ChangeRow(
        change=change,
        mark=_mark(change),
        lines=[Line(line.kind, line.number, printable(line.text, LONGEST)) for line in one_column(side_by_side(diff))],
        fields=mine.texts if mine and mine.texts else _fields(change),
        refused=mine.why if mine else "",
    )


def _mark(change: Change) -> str:
    if change.choice == Choice.OPEN:
        return "undecided"
    return "edited" if change.is_edited else change.choice


def _fields(change: Change) -> list[str] | None:
    if any(as_text(part.text) is None for part in parts_of(change)):
        return None
    texts = [as_text(part.text) or "" for part in agreed_parts(change)]
    return texts if sum(map(len, texts)) <= MAX_WRITTEN else None
