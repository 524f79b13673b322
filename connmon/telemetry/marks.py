"""Moments that charts mark: new place versions, and the starts and ends of one server's boots."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, LiteralString

from connmon.telemetry.queries import Span, fetch, find_boots

MOST: Final = 200  # marks of a chart, the newest


class MarkKind(StrEnum):
    """What happened."""

    DEPLOY = "deploy"
    """A place version ran for the first time."""
    STARTED = "started"
    """A boot of the server was first seen."""
    ENDED = "ended"
    """A boot ended."""
    LOST = "lost"
    """It fell silent."""
    RETURNED = "returned"
    """It reported again."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment. `place_version`: what ran from then on, where that is known."""

    at: datetime
    kind: MarkKind
    place_version: int | None


DEPLOYS: Final[LiteralString] = """
    SELECT first_at, 'deploy', version FROM telemetry_placeversion
    WHERE game_id = %(game)s AND first_at >= %(since)s AND first_at < %(until)s
    ORDER BY first_at DESC LIMIT %(most)s
"""
SERVER: Final[LiteralString] = """
    SELECT * FROM (
        SELECT first_seen_at AS at, 'started', place_version FROM registry_gameserver WHERE id = ANY(%(boots)s)
        UNION ALL
        SELECT ended_at, 'ended', place_version FROM registry_gameserver WHERE id = ANY(%(boots)s)
        UNION ALL
        SELECT at, kind, NULL FROM registry_serverevent
        WHERE server_id = ANY(%(boots)s) AND kind IN ('lost', 'returned')
    ) AS mark
    WHERE at >= %(since)s AND at < %(until)s
    ORDER BY at DESC LIMIT %(most)s
"""


def find_marks(game_id: int, *, span: Span, server: str | None = None) -> list[Mark]:
    """The game's deploys, and what happened to one server if it is named; oldest first. Raises NotFound."""
    values = {"game": game_id, "since": span.since, "until": span.until, "most": MOST}
    rows = fetch(DEPLOYS, values)
    if server is not None:
        rows += fetch(SERVER, values | {"boots": find_boots(game_id, server)})
    return sorted((Mark(at, MarkKind(kind), version) for at, kind, version in rows), key=lambda mark: mark.at)
