"""A unified diff made of the replacements themselves: one pass over them, however large the source is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from migrator.pieces import Piece, splice

CONTEXT = 3  # lines around a change
NO_NEWLINE = b"\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class _Region:
    """Whole lines that change: from, to (bytes of the original), what they were and what they become."""

    start: int
    end: int
    gone: list[bytes]
    come: list[bytes]


def diff_of(path: str, original: bytes, pieces: Iterable[Piece]) -> bytes:
    """What `git apply` takes to put the replacements in, byte for byte; b"" when they change nothing."""
    body = b"".join(_hunks(original, list(_regions(original, pieces))))
    name = path.encode("utf-8", "surrogateescape")
    return b"--- a/" + name + b"\n+++ b/" + name + b"\n" + body if body else b""


def lines_of(text: bytes) -> list[bytes]:
    """Its lines with their ends. As for git and Luau a newline alone ends one, no form feed or Unicode separator."""
    *whole, last = text.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def lines_around(text: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the lines that bytes stand in begin and end."""
    return text.rfind(b"\n", 0, start) + 1, _line_end(text, end)


def _line_end(text: bytes, at: int) -> int:
    found = text.find(b"\n", at)
    return len(text) if found < 0 else found + 1


def _regions(original: bytes, pieces: Iterable[Piece]) -> Iterator[_Region]:
    """The lines that replacements stand in; where these touch, one region of several."""
    group: list[Piece] = []
    begin = end = 0
    for piece in sorted(pieces, key=lambda piece: piece[0]):
        start, stop = _lines_of(original, piece)
        if group and start > end:
            yield from _trimmed(original, begin, end, group)
            group = []
        begin, end = (min(begin, start), max(end, stop)) if group else (start, stop)
        group.append(piece)
    if group:
        yield from _trimmed(original, begin, end, group)


def _lines_of(original: bytes, piece: Piece) -> tuple[int, int]:
    """The lines that change with a replacement; whole lines for whole lines leave the next one alone."""
    (start, end), text = piece
    begin, stop = lines_around(original, start, end)
    is_whole = text.endswith(b"\n") and (end == 0 or original[end - 1 : end] == b"\n")
    return begin, end if is_whole else stop


def _trimmed(original: bytes, start: int, end: int, pieces: list[Piece]) -> Iterator[_Region]:
    """Those lines without what stays the same at their beginning and end; nothing if all of it does."""
    before = original[start:end]
    inside = [((from_ - start, to - start), text) for (from_, to), text in pieces]
    gone, come = lines_of(before), lines_of(splice(before, inside))
    head = _equal(gone, come)
    start, gone, come = start + sum(map(len, gone[:head])), gone[head:], come[head:]
    tail = _equal(gone[::-1], come[::-1])
    end -= sum(map(len, gone[len(gone) - tail :]))
    gone, come = gone[: len(gone) - tail], come[: len(come) - tail]
    if gone or come:
        yield _Region(start, end, gone, come)


def _equal(one: list[bytes], other: list[bytes]) -> int:
    """How many lines are the same from the beginning on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _hunks(original: bytes, regions: list[_Region]) -> Iterator[bytes]:
    """Regions that stand near each other are one hunk."""
    group: list[_Region] = []
    line = shift = at = 0
    for region in regions:
        if group and original.count(b"\n", group[-1].end, region.start) > 2 * CONTEXT:
            yield _hunk(original, group, line, shift)
            shift += sum(len(one.come) - len(one.gone) for one in group)
            group = []
        if not group:
            line += original.count(b"\n", at, region.start)
            at = region.start
        group.append(region)
    if group:
        yield _hunk(original, group, line, shift)


def _hunk(original: bytes, regions: list[_Region], line: int, shift: int) -> bytes:
    """`line`: lines before the first region; `shift`: by how many the new file is longer up to there."""
    begin, end = _context(original, regions[0].start, regions[-1].end)
    at, lines, old, new = begin, [], 0, 0
    for region in regions:
        same = lines_of(original[at : region.start])
        lines += [_shown(b" ", one) for one in same]
        lines += [_shown(b"-", one) for one in region.gone] + [_shown(b"+", one) for one in region.come]
        old, new = old + len(same) + len(region.gone), new + len(same) + len(region.come)
        at = region.end
    after = lines_of(original[at:end])
    before = line - original.count(b"\n", begin, regions[0].start)
    head = f"@@ -{_range(before, old + len(after))} +{_range(before + shift, new + len(after))} @@\n"
    return head.encode() + b"".join((*lines, *(_shown(b" ", one) for one in after)))


def _context(original: bytes, start: int, end: int) -> tuple[int, int]:
    """From so many lines before `start` to so many after `end`; both are where lines begin."""
    for _ in range(CONTEXT):
        start = original.rfind(b"\n", 0, max(start - 1, 0)) + 1
        end = _line_end(original, end)
    return start, end


def _shown(mark: bytes, line: bytes) -> bytes:
    return mark + (line if line.endswith(b"\n") else line + NO_NEWLINE)


def _range(before: int, length: int) -> str:
    """As diffs write it: the first line and how many there are; the line before, where there are none."""
    return f"{before + 1}" if length == 1 else f"{before + bool(length)},{length}"
