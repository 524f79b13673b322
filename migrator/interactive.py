"""A migration looked through change by change: accept, reject or edit each. Pure; terminal.py asks the questions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, zip_longest

from migrator.analyze import analyze_service
from migrator.diffs import diff_of, lines_around
from migrator.model import Edit, Migration, Source, Span
from migrator.pieces import Part, Piece, Shared, splice
from migrator.rewrite import generate_migrated_code


class Choice(StrEnum):
    """What becomes of one change."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes that are decided together: those of one site, the shared lines apart. `number` counts from 1.

    `parts` are what a person sees and edits: its changes with the rest of their lines, as far as no other hunk or
    shared line stands there. Parts of a file never overlap.
    """

    number: int
    edits: tuple[Edit, ...]
    parts: tuple[Part, ...]
    choice: Choice = Choice.OPEN
    replacements: tuple[bytes, ...] | None = None  # what the person wrote instead, one for each part

    @property
    def why(self) -> str:
        """The reasons of its changes, in sentences."""
        return " ".join(dict.fromkeys(edit.why for edit in self.edits))

    @property
    def texts(self) -> tuple[bytes, ...]:
        """What its parts put in."""
        return self.replacements or tuple(part.text for part in self.parts)

    @property
    def agreed(self) -> tuple[Edit, ...]:
        """Its changes; whole parts where the person wrote something else."""
        if self.replacements is None:
            return self.edits
        written = zip(self.parts, self.replacements, strict=True)
        return tuple(replace(self.edits[0], span=part.span, replacement=text) for part, text in written)


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
        self._hunks = list(_hunks(migration))
        self._lines = [edit for edit in migration.edits if edit.site is None and _is_split(migration)]
        self.shared = [_shared(edit, self._hunks) for edit in self._lines]

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
        if replacements is not None and len(replacements) != len(hunk.parts):
            raise ValueError(f"Change {number} has {len(hunk.parts)} parts; give as many replacements.")
        self._hunks[number - 1] = replace(hunk, choice=answer.choice, replacements=replacements)
        if answer.rest:
            for other in self.open_hunks:
                self._hunks[other.number - 1] = replace(other, choice=answer.choice)

    def reopen(self, number: int) -> None:
        """Takes an answer back. Raises ValueError."""
        self._hunks[number - 1] = replace(self._hunk(number), choice=Choice.OPEN, replacements=None)

    def _hunk(self, number: int) -> Hunk:
        if not 1 <= number <= len(self._hunks):
            raise ValueError(f"There is no change {number}; there are {len(self._hunks)}.")
        return self._hunks[number - 1]

    def text(self) -> bytes:
        """The source with the accepted changes; what they share comes with the first of them that needs it."""
        return splice(self.migration.original, _pieces(self._agreed()))

    def _agreed(self) -> list[Edit]:
        accepted = {hunk.number: hunk.agreed for hunk in self._hunks if hunk.choice is Choice.ACCEPTED}
        lines = zip(self._lines, self.shared, strict=True)
        shared = [edit for edit, line in lines if line.is_needed(accepted)]
        return sorted([*shared, *chain.from_iterable(accepted.values())], key=lambda edit: edit.span)

    def result(self) -> Migration:
        """The migration that was agreed on."""
        return replace(self.migration, migrated=self.text(), edits=tuple(self._agreed()))

    def preview(self, hunk: Hunk) -> str:
        """The lines around a hunk before and after, as a diff without its header."""
        diff = diff_of(self.migration.path, self.migration.original, _pieces(hunk.agreed))
        return "\n".join(diff.decode("utf-8", "backslashreplace").rstrip("\n").split("\n")[3:])


def _pieces(edits: Iterable[Edit]) -> list[Piece]:
    return [(edit.span, edit.replacement) for edit in edits]


def _hunks(migration: Migration) -> Iterator[Hunk]:
    """By site, in the order of the source."""
    groups = list(_groups(migration))
    found: dict[Span, list[tuple[list[Edit], Part]]] = {}
    end = 0
    for group, following in zip_longest(groups, groups[1:]):
        limit = following[0].span[0] if following else len(migration.original)
        if group[0].site is None and _is_split(migration):
            end = group[-1].span[1]
            continue
        part = _part(migration.original, group, end, limit)
        end = part.span[1]
        found.setdefault(_site_of(group[0]), []).append((group, part))
    for number, members in enumerate(found.values(), 1):
        edits = tuple(edit for group, _ in members for edit in group)
        yield Hunk(number, edits, tuple(part for _, part in members))


def _is_split(migration: Migration) -> bool:
    """Whether some of its changes are a site's own; otherwise all are decided together."""
    return any(edit.site is not None for edit in migration.edits)


def _groups(migration: Migration) -> Iterator[list[Edit]]:
    """Changes of one site that follow each other in the same lines, or in the next."""
    group: list[Edit] = []
    for edit in migration.edits:
        if group and not _touch(migration.original, group[-1], edit):
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _touch(original: bytes, one: Edit, following: Edit) -> bool:
    lines = lines_around(original, *one.span), lines_around(original, *following.span)
    return _site_of(one) == _site_of(following) and lines[1][0] <= lines[0][1]


def _site_of(edit: Edit) -> Span:
    return edit.site.span if edit.site else (-1, -1)


def _part(original: bytes, group: list[Edit], start: int, end: int) -> Part:
    """The lines of these changes, as far as they stand between `start` and `end`."""
    first, last = lines_around(original, group[0].span[0], group[-1].span[1])
    start, end = max(first, start), min(last, end)
    inside = [((a - start, b - start), text) for (a, b), text in _pieces(group)]
    return Part((start, end), splice(original[start:end], inside))


def _shared(edit: Edit, hunks: Sequence[Hunk]) -> Shared:
    numbers = [hunk.number for hunk in hunks if _site_of(hunk.edits[0]) in edit.needed_by]
    return Shared(Part(edit.span, edit.replacement), tuple(numbers))


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
