"""Texts out of foreign sources, made fit to store and to show."""

from typing import Final

ELLIPSIS: Final = "…"
REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, most: int) -> str:
    """One line without control, direction and surrogate characters, at most `most` long."""
    clean = text if text.isprintable() else "".join(char if char.isprintable() else REPLACED for char in text)
    return clean if len(clean) <= most else clean[: most - 1] + ELLIPSIS
