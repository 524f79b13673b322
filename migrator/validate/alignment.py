"""Which part of the migrated source is which part of the original: by lines, and by tokens in lines that differ."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

MAX_TOKENS = 20_000  # in one stretch of different lines; a longer one was rewritten, not migrated

TOKEN = re.compile(rb"\s+|--[^\n]*|[A-Za-z_]\w*|\d[\w.]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|.", re.DOTALL)

_Token = tuple[bytes, int]  # text, byte where it stands


def _line_starts(text: bytes) -> list[int]:
    return [0, *(match.end() for match in re.finditer(rb"\n", text))]


def _tokens(text: bytes, start: int, end: int) -> list[_Token]:
    return [(m[0], m.start()) for m in TOKEN.finditer(text, start, end) if not m[0].isspace()]


class Alignment:
    """Maps bytes of the migrated source to those of the original, as far as they are the same."""

    def __init__(self, original: bytes, migrated: bytes) -> None:
        self._original_lines = _line_starts(original)
        self._migrated_lines = _line_starts(migrated)
        self._tokens: dict[int, int] = {}  # migrated → original
        self._blocks: list[tuple[int, int, int]] = []  # migrated from, to, shift
        self._compare(original, migrated)

    def _compare(self, original: bytes, migrated: bytes) -> None:
        a, b = original.split(b"\n"), migrated.split(b"\n")
        for tag, a1, a2, b1, b2 in SequenceMatcher(None, a, b).get_opcodes():
            ours = self._range(self._original_lines, a1, a2, original)
            theirs = self._range(self._migrated_lines, b1, b2, migrated)
            if tag == "equal":
                self._blocks.append((theirs[0], theirs[1], ours[0] - theirs[0]))
            elif tag == "replace":
                self._compare_tokens(_tokens(original, *ours), _tokens(migrated, *theirs))

    @staticmethod
    def _range(starts: Sequence[int], first: int, last: int, text: bytes) -> tuple[int, int]:
        return (
            starts[first] if first < len(starts) else len(text),
            starts[last] if last < len(starts) else len(text),
        )

    def _compare_tokens(self, a: Sequence[_Token], b: Sequence[_Token]) -> None:
        if len(a) + len(b) > MAX_TOKENS:
            return
        matcher = SequenceMatcher(None, [text for text, _ in a], [text for text, _ in b], autojunk=False)
        for i, j, size in matcher.get_matching_blocks():
            for step in range(size):
                self._tokens[b[j + step][1]] = a[i + step][1]

    def to_original(self, offset: int) -> int | None:
        """The byte of the original where the token at `offset` of the migrated source stood; None for a new one."""
        if offset in self._tokens:
            return self._tokens[offset]
        for start, end, shift in self._blocks:
            if start <= offset < end:
                return offset + shift
        return None

    def original_lines(self, line: int) -> set[int]:
        """The lines of the original that a line of the migrated source came from."""
        if not 0 < line <= len(self._migrated_lines):
            return set()
        start = self._migrated_lines[line - 1]
        end = self._migrated_lines[line] if line < len(self._migrated_lines) else 2**62
        return {bisect_right(self._original_lines, offset) for offset in self._sources(start, end)}

    def _sources(self, start: int, end: int) -> Iterator[int]:
        yield from (source for offset, source in self._tokens.items() if start <= offset < end)
        yield from (start + shift for first, last, shift in self._blocks if first <= start < last)
