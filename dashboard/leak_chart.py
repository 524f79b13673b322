"""The chart of a leak and its cohort strip as lines and cells to draw. Pure; the page puts them into SVG."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from msgspec import Struct

WIDTH: Final = 720.0  # units of the drawing; the page stretches it
HEIGHT: Final = 160.0
GAP: Final = 180.0  # seconds without a minute: the line is broken
ROWS: Final = 24  # of the table view, at most
HEATS: Final = 5  # shades of the strip, without that of nothing

Point = tuple[float, int, int, int]  # Unix seconds, live, players, servers


class NumbersRow(Struct, frozen=True):
    """One moment of the table view; milliseconds since 1970."""

    at: int
    live: int
    players: int
    servers: int


class LeakChart(Struct, frozen=True):
    """Paths of SVG in a box of WIDTH by HEIGHT, each on its own scale from 0; milliseconds since 1970."""

    live: str
    players: str
    fitted: str  # "" without a line
    most_live: int
    most_players: int
    start: int
    end: int
    rows: list[NumbersRow]


class Cell(Struct, frozen=True):
    """One age of the strip. `heat`: 0 nothing, to HEATS the most."""

    x: int
    heat: int
    minutes: int
    live: int
    orphaned: int
    is_last: bool


def draw(history: Sequence[Point], line: dict[str, Any] | None) -> LeakChart | None:
    """None where there are fewer than two minutes to draw."""
    if len(history) < 2:
        return None
    start, end = history[0][0], history[-1][0]
    most_live = max(max(live for _, live, _, _ in history), 1)
    most_players = max(max(players for _, _, players, _ in history), 1)
    every = -(-len(history) // ROWS)
    return LeakChart(
        live=_path([(at, live) for at, live, _, _ in history], start, end, most_live),
        players=_path([(at, players) for at, _, players, _ in history], start, end, most_players),
        fitted=_fitted(history, line, start, end, most_live) if line else "",
        most_live=most_live,
        most_players=most_players,
        start=int(start * 1000),
        end=int(end * 1000),
        rows=[NumbersRow(int(at * 1000), *rest) for at, *rest in reversed(history[::-every])],
    )


def _fitted(history: Sequence[Point], line: dict[str, Any], start: float, end: float, most: int) -> str:
    """The line ends at the level that was held when it ended, and begins lower by its rise."""
    inside = [live for at, live, _, _ in history if at <= line["end"]]
    level = inside[-1] if inside else history[0][1]
    first = max(line["start"], start)
    per_second = line["rise"] / (line["end"] - line["start"])
    bottom = max(level - per_second * (line["end"] - first), 0.0)
    return _path([(first, bottom), (min(line["end"], end), float(level))], start, end, most, gap=float("inf"))


def _path(points: Sequence[tuple[float, float]], start: float, end: float, most: float, gap: float = GAP) -> str:
    moves = ["M", *("M" if after[0] - before[0] > gap else "L" for before, after in pairwise(points))]
    scale = WIDTH / (end - start)
    places = [(scale * (at - start), HEIGHT * (1 - value / most)) for at, value in points]
    return "".join(f"{move}{x:.1f} {y:.1f}" for move, (x, y) in zip(moves, places, strict=True))


def shade(strip: Sequence[dict[str, int]]) -> list[Cell]:
    """The strip, the oldest first; shades by the square root, so that a young crowd does not hide what stays."""
    most = max((cell["live"] for cell in strip[:-1]), default=0)
    return [
        Cell(
            x=place,
            heat=_heat(cell["live"], most),
            minutes=cell["from_s"] // 60,
            live=cell["live"],
            orphaned=cell["orphaned"],
            is_last=cell is strip[-1],
        )
        for place, cell in enumerate(reversed(strip))
    ]


def _heat(live: int, most: int) -> int:
    if live == 0:
        return 0
    return min(HEATS, 1 + int((live / max(most, 1)) ** 0.5 * (HEATS - 1)))
