"""Text and numbers as the wire wants them: bounded, printable, quoted for JSON."""

import json
import re
from typing import Final

# Controls; marks that turn the reading direction (they can disguise a name on a page); lone surrogates (no UTF-8).
_HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean(text: str, limit: int) -> str:
    """`text` of 1 to `limit` characters; what the server would refuse becomes "?"."""
    return _HIDDEN.sub("?", text[:limit]) or "?"


def quote(text: str, limit: int) -> str:
    """`text`, cleaned, as a JSON string in ASCII."""
    if 0 < len(text) <= limit and text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return json.dumps(clean(text, limit))


def number(value: object, most: float) -> str | None:
    """A number from 0 to `most` for JSON, with three decimals; None for anything else (nan and inf too)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return f"{value:.3f}"


def whole(value: object, most: int) -> str | None:
    """A whole number from 0 to `most` for JSON; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        return None
    return str(value)
