"""A migration looked through change by change: accept, reject or edit each. Pure; terminal.py asks the questions."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from migrator.analyze import analyze_service
from migrator.model import Edit, Migration, Source, Span
from migrator.rewrite import generate_migrated_code
from migrator.writing import lines_of

CONTEXT = 3  # lines shown around a change


class Choice(StrEnum):
    """What becomes of one change."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes that are decided together: those of one site, the shared lines apart. `number` counts from 1."""

    number: int
    edits: tuple[Edit, ...]
    choice: Choice = Choice.OPEN
    replacements: tuple[bytes, ...] | None = None  # what the person wrote instead, one for each edit

    @property
    def why(self) -> str:
        """The reasons of its changes, in sentences."""
        return " ".join(dict.fromkeys(edit.why for edit in self.edits))

    @property
    def span(self) -> Span:
        """From the first byte of its changes to the last."""
        return (self.edits[0].span[0], self.edits[-1].span[1])

    @property
    def texts(self) -> tuple[bytes, ...]:
        """What its changes put in."""
        return self.replacements or tuple(edit.replacement for edit in self.edits)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says to a hunk: a choice, perhaps with other replacements; `rest`: also to all that are open."""

    choice: Choice
    replacements: tuple[bytes, ...] | None = None
    rest: bool = False


class Session:
    """One file under review. Every answer can be changed until the text is taken."""

    def __init__(self, migration: Migration) -> None:
        self.migration = migration
        self._shared = tuple(edit for edit in migration.edits if edit.site is None)
        self._hunks = list(_hunks(migration.edits))

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        """The hunks in the order of the source; a migration of shared lines alone is one hunk."""
        return tuple(self._hunks)

    @property
    def open_hunks(self) -> list[Hunk]:
        """Those without an answer."""
        return [hunk for hunk in self._hunks if hunk.choice is Choice.OPEN]

    def answer(self, number: int, answer: Answer) -> None:
        """Decides hunk `number`; with `rest`, all open ones as well. Raises ValueError."""
        hunk = self._hunk(number)
        replacements = answer.replacements
        if replacements is not None and len(replacements) != len(hunk.edits):
            raise ValueError(f"Change {number} has {len(hunk.edits)} parts; give as many replacements.")
        self._hunks[number - 1] = Hunk(number, hunk.edits, answer.choice, replacements)
        if answer.rest:
            for other in self.open_hunks:
                self._hunks[other.number - 1] = Hunk(other.number, other.edits, answer.choice)

    def reopen(self, number: int) -> None:
        """Takes an answer back. Raises ValueError."""
        self._hunks[number - 1] = Hunk(number, self._hunk(number).edits)

    def _hunk(self, number: int) -> Hunk:
        if not 1 <= number <= len(self._hunks):
            raise ValueError(f"There is no change {number}; there are {len(self._hunks)}.")
        return self._hunks[number - 1]

    def text(self) -> bytes:
        """The source with the accepted changes; what they share comes with the first of them."""
        accepted = [hunk for hunk in self._hunks if hunk.choice is Choice.ACCEPTED]
        pieces = [(edit.span, text) for hunk in accepted for edit, text in zip(hunk.edits, hunk.texts, strict=True)]
        if accepted and self._is_split:
            pieces += [(edit.span, edit.replacement) for edit in self._shared]
        return splice(self.migration.original, pieces)

    @property
    def _is_split(self) -> bool:
        return len(self._shared) < len(self.migration.edits)

    def result(self) -> Migration:
        """The migration that was agreed on."""
        kept = [edit for hunk in self._hunks if hunk.choice is Choice.ACCEPTED for edit in hunk.edits]
        shared = self._shared if kept and self._is_split else ()
        edits = tuple(sorted([*kept, *shared], key=lambda edit: edit.span))
        migration = self.migration
        return Migration(migration.path, migration.original, self.text(), edits, migration.notes)

    def preview(self, hunk: Hunk) -> str:
        """The lines around a hunk before and after, as a diff without its header."""
        original = self.migration.original
        start, end = _lines_around(original, hunk.span)
        inside = [(edit.span, text) for edit, text in zip(hunk.edits, hunk.texts, strict=True)]
        shifted = [((a - start, b - start), text) for (a, b), text in inside]
        before = original[start:end]
        return _diff(before, splice(before, shifted))


def _hunks(edits: Sequence[Edit]) -> Iterator[Hunk]:
    groups: dict[Span, list[Edit]] = {}
    for edit in edits:
        if edit.site is not None:
            groups.setdefault(edit.site.span, []).append(edit)
    if not groups and edits:
        yield Hunk(1, tuple(edits))
    ordered = sorted(groups.values(), key=lambda group: group[0].span)
    for number, group in enumerate(ordered, 1):
        yield Hunk(number, tuple(group))


def splice(text: bytes, pieces: Sequence[tuple[Span, bytes]]) -> bytes:
    """`text` with replacements for spans that do not overlap; those at the same place stay in their order."""
    parts: list[bytes] = []
    end = 0
    for (start, stop), replacement in sorted(pieces, key=lambda piece: piece[0]):
        if start < end:
            raise ValueError(f"Two changes overlap at byte {start}.")
        parts += (text[end:start], replacement)
        end = stop
    return b"".join((*parts, text[end:]))


def _lines_around(text: bytes, span: Span) -> Span:
    start, end = span
    for _ in range(CONTEXT + 1):
        start = text.rfind(b"\n", 0, max(start - 1, 0)) + 1 if start > 0 else 0
    for _ in range(CONTEXT + 1):
        found = text.find(b"\n", end)
        end = len(text) if found < 0 else found + 1
    return start, end


def _diff(before: bytes, after: bytes) -> str:
    a, b = ([line.removesuffix("\n") for line in lines_of(text)] for text in (before, after))
    return "\n".join(list(difflib.unified_diff(a, b, lineterm="", n=CONTEXT))[3:])


def interactive_migration(source: Source, ask: Callable[[Session, Hunk], Answer | None]) -> Session:
    """Analyses and rewrites a source and asks about each change; `ask` returns None to leave the rest open.

    Raises SourceRefused for what is no source.
    """
    session = Session(generate_migrated_code(source, analyze_service(source)))
    while session.open_hunks:
        hunk = session.open_hunks[0]
        answer = ask(session, hunk)
        if answer is None:
            break
        session.answer(hunk.number, answer)
    return session
