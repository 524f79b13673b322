"""The changes of a file's rewrite out of their columns: bytes of sources, which need not be text."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from connmon.source.models import Change, SourceFile
from migrator.interactive import Choice
from migrator.pieces import Part, Piece, Shared, agreed

_PARTS: Final = msgspec.msgpack.Decoder(list[Part])
_SHARED: Final = msgspec.msgpack.Decoder(list[Shared])
_TEXTS: Final = msgspec.msgpack.Decoder(list[bytes])


def pack(values: Sequence[Part] | Sequence[Shared] | Sequence[bytes]) -> bytes:
    """For a column."""
    return msgspec.msgpack.encode(values)


def parts_of(change: Change) -> list[Part]:
    """What the migrator would put in."""
    return _PARTS.decode(change.parts)


def written_of(change: Change) -> list[bytes] | None:
    """What somebody wrote instead of each part."""
    return None if change.written is None else _TEXTS.decode(change.written)


def agreed_parts(change: Change) -> list[Part]:
    """The parts of a change, with what somebody wrote instead."""
    parts = parts_of(change)
    written = written_of(change) or [part.text for part in parts]
    return [Part(part.span, text) for part, text in zip(parts, written, strict=True)]


def accepted_pieces(file: SourceFile, changes: Iterable[Change]) -> list[Piece]:
    """The replacements in a file that were agreed on, with what they share."""
    accepted = {change.number: agreed_parts(change) for change in changes if change.choice == Choice.ACCEPTED}
    return agreed(accepted, _SHARED.decode(file.shared) if file.shared else [])
