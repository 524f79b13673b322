"""Replacements in a source, and how those that belong together are put in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrator.model import Span

Piece = tuple[Span, bytes]  # bytes of the original, and what takes their place


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of the original, and what takes their place; as whole lines as other changes allow."""

    span: Span
    text: bytes


@dataclass(frozen=True, slots=True)
class Shared:
    """What several changes need, such as the line that requires connmon. `needed_by`: their numbers, or () for any."""

    part: Part
    needed_by: tuple[int, ...] = ()

    def is_needed(self, accepted: Collection[int]) -> bool:
        """Whether it comes with these changes."""
        return bool(accepted) and (not self.needed_by or any(number in accepted for number in self.needed_by))


def splice(text: bytes, pieces: Iterable[Piece]) -> bytes:
    """`text` with replacements for spans that do not overlap; those at the same place stay in their order."""
    parts: list[bytes] = []
    end = 0
    for (start, stop), replacement in sorted(pieces, key=_span):
        if start < end:
            raise ValueError(f"Two changes overlap at byte {start}.")
        parts += (text[end:start], replacement)
        end = stop
    return b"".join((*parts, text[end:]))


def _span(piece: Piece) -> Span:
    return piece[0]


def agreed(accepted: Mapping[int, Iterable[Part]], shared: Sequence[Shared]) -> list[Piece]:
    """The replacements of the accepted changes, by number, with what they share; none of it without any of them."""
    needed = [one.part for one in shared if one.is_needed(accepted)]
    parts = [*needed, *(part for number in sorted(accepted) for part in accepted[number])]
    return [(part.span, part.text) for part in parts]
