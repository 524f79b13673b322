"""A service's state as a small picture: a word, never a colour alone."""

from typing import Final

from msgspec import Struct

from dashboard.queries.services import ServiceRow

LABEL_MAX: Final = 40  # characters of a service's name
# White on each reads at 4.5 : 1 and more.
COLOURS: Final = {"ok": "#1b7a4b", "warn": "#8a5a00", "bad": "#b3261e", "quiet": "#5b6470"}
NARROW, USUAL, CAPITAL, WIDE = 3.9, 6.6, 7.8, 12.0  # px of a character at 11 px; the picture stretches to them
PAD: Final = 8


class Side(Struct, frozen=True):
    """One half: `left` and `width` of its ground, `middle` and `length` of its text, in px."""

    text: str
    colour: str
    left: int
    width: int

    @property
    def middle(self) -> float:
        return self.left + self.width / 2

    @property
    def length(self) -> int:
        return self.width - 2 * PAD


class Badge(Struct, frozen=True):
    label: Side
    state: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.label, self.state

    @property
    def width(self) -> int:
        return self.label.width + self.state.width


def draw_badge(name: str, word: str, tone: str) -> Badge:
    """`name | word`; a long name is cut."""
    label = name if len(name) <= LABEL_MAX else f"{name[: LABEL_MAX - 1]}…"
    width = _width(label)
    return Badge(Side(label, "#3d4450", 0, width), Side(word, COLOURS[tone], width, _width(word)))


def judge_service(row: ServiceRow) -> tuple[str, str]:
    """A service's state as (word, tone)."""
    if not row.servers:
        return ("silent" if row.unknown else "not running"), "quiet"
    if row.orphaned:
        return f"{row.orphaned:,} orphaned", "bad"
    if row.stale:
        return f"{row.stale:,} stale", "warn"
    return "none orphaned", "ok"


def _width(text: str) -> int:
    return round(sum(map(_character, text))) + 2 * PAD


def _character(one: str) -> float:
    if not one.isascii():
        return WIDE
    if one in "ijltfrI.,:;'|!()[] ":
        return NARROW
    return CAPITAL if one.isupper() or one in "mw" else USUAL
