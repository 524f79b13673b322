"""Where in an uploaded source a connection was made: pure, values in, values out."""

import io
from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

AROUND: Final = 4  # lines of code shown before and behind a site
LONGEST_LINE: Final = 400  # characters of one that is shown

F = TypeVar("F", bound="Placed")
S = TypeVar("S", bound="Spanned")


class Placed(Protocol):
    """A file that stands somewhere in the game."""

    place: str
    service: str


class Spanned(Protocol):
    """A call that begins and ends on these lines."""

    line: int
    end_line: int


def split_site(site: str) -> tuple[str, int] | None:
    """`ServerScriptService.CombatService:118` as script and line; None for anything else."""
    script, colon, line = site.rpartition(":")
    if not colon or not script or not (line.isascii() and line.isdigit()) or len(line) > 9:
        return None
    return script, int(line)


def module_of(place: str) -> str:
    """The last word of a place in the game: what files are looked up by."""
    return place.rpartition(".")[2]


def choose_file(files: Iterable[F], script: str, service: str) -> F | None:
    """The file that is this script: the one whose place shares most of its last words; then the one of this service.

    Without a Rojo project the folders above a script are a guess, so the beginning may differ. None if two are as good.
    """
    scored = sorted(((_shared(file.place, script), file.service == service, file) for file in files), key=_rank)
    if not scored or not scored[-1][0]:
        return None
    if len(scored) > 1 and scored[-1][:2] == scored[-2][:2]:
        return None
    return scored[-1][2]


def _rank(scored: tuple[int, bool, object]) -> tuple[int, bool]:
    return scored[:2]


def _shared(place: str, script: str) -> int:
    """How many last words are the same; a whole match counts for more than any part."""
    if place == script:
        return 1_000
    count = 0
    for ours, theirs in zip(reversed(place.split(".")), reversed(script.split(".")), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def choose_site(sites: Iterable[S], line: int) -> S | None:
    """The shortest call that this line is in; of several as short the last to begin."""
    here = [site for site in sites if site.line <= line <= site.end_line]
    return min(here, key=lambda site: (site.end_line - site.line, -site.line), default=None)


def excerpt(text: bytes, line: int, *, around: int = AROUND) -> list[tuple[int, str]]:
    """(number, text) of a line and those around it; [] if the source is shorter."""
    lines = io.BytesIO(text).readlines()  # of Luau a newline alone ends a line, so no splitlines
    if not 1 <= line <= len(lines):
        return []
    first, last = max(1, line - around), min(len(lines), line + around)
    return [(number, _shown(lines[number - 1])) for number in range(first, last + 1)]


def _shown(line: bytes) -> str:
    from_bytes = line[: 4 * LONGEST_LINE].decode("utf-8", "replace").expandtabs(4)
    return from_bytes[:LONGEST_LINE].rstrip()
