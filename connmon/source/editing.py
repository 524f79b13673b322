"""A part of a change as a person edits it: text without the end of its last line, whatever the file's line ends."""

from collections.abc import Sequence

from migrator.pieces import Part

MAX_WRITTEN = 65_536  # characters of all parts of a change; a change has a line or two


def as_text(part: bytes) -> str | None:
    """What stands in a form. None: it has bytes that a form would change, so that it cannot be edited there."""
    try:
        text = part.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    if any(char < " " and char not in "\t\n" for char in text):
        return None
    return text.removesuffix("\n")


def as_written(part: bytes, said: str) -> bytes:
    """The bytes of what a person wrote instead of a part, with the line ends that it has; nothing stays nothing."""
    lines = said.replace("\r\n", "\n")
    if lines and part.endswith(b"\n") and not lines.endswith("\n"):
        lines += "\n"
    return lines.replace("\n", "\r\n" if b"\r\n" in part else "\n").encode("utf-8", "replace")


def read_written(parts: Sequence[Part], said: Sequence[str] | None) -> list[bytes] | None:
    """What somebody wrote instead of each part; None if that is what stands there. Raises ValueError."""
    if said is None:
        return None
    if len(said) != len(parts):
        raise ValueError(f"This change has {len(parts)} parts; send a text for each.")
    if sum(map(len, said)) > MAX_WRITTEN:
        raise ValueError(f"A change may have {MAX_WRITTEN:,} characters; edit the file itself.")
    if any(as_text(part.text) is None for part in parts):
        raise ValueError("Its lines have bytes that are no text; accept the change and edit the file itself.")
    if any("\0" in text for text in said):
        raise ValueError("A source has no NUL.")
    written = [as_written(part.text, text) for part, text in zip(parts, said, strict=True)]
    return written if written != [part.text for part in parts] else None
