"""Reads of configurations, their revisions and their roll-out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, LiteralString

from django.db import connection
from django.db.models import QuerySet

from connmon.accounts.models import Game
from connmon.configuration.models import Revision
from connmon.configuration.rules import Configuration, Overrides, empty
from connmon.core.errors import NotFound

# Readers: the page's and the API's roll-out list. One narrow row for each running server of the game.
ROLLOUT: Final[LiteralString] = """
    SELECT g.id::text, g.name, g.agent, s.config_revision, s.due_at > %(now)s, s.received_at
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL ORDER BY s.config_revision, g.name
"""
ROLLOUT_FIELDS: Final = ("id", "name", "agent", "revision", "reporting", "received_at")


def current(game_id: int) -> Configuration:
    """A game's configuration as it holds now."""
    revision = Revision.objects.filter(game_id=game_id).order_by("-number").first()
    return of_revision(revision) if revision else empty()


def list_configured(section: str, names: Iterable[str]) -> list[tuple[Game, Configuration]]:
    """Games whose current revision sets one of these settings, with their configuration. One query for all games."""
    latest = Revision.objects.select_related("game").order_by("game_id", "-number").distinct("game_id")
    wanted = set(names)
    return [(one.game, of_revision(one)) for one in latest if wanted & one.settings.get(section, {}).keys()]


def of_revision(revision: Revision) -> Configuration:
    """The configuration that a revision set."""
    return Configuration(revision.number, Overrides(revision.settings, revision.services))


def list_revisions(game_id: int) -> QuerySet[Revision]:
    """A game's revisions, newest first."""
    return Revision.objects.filter(game_id=game_id).order_by("-number")


def find_revision(game_id: int, number: int) -> Revision:
    """One revision of a game. Raises NotFound."""
    revision = Revision.objects.filter(game_id=game_id, number=number).first()
    if revision is None:
        raise NotFound(f"This game has no revision {number}.")
    return revision


def list_rollout(game_id: int, *, now: datetime) -> list[dict[str, Any]]:
    """Every running server with the revision it last said it runs (ROLLOUT_FIELDS), those furthest behind first."""
    with connection.cursor() as cursor:
        cursor.execute(ROLLOUT, {"game": game_id, "now": now})
        return [dict(zip(ROLLOUT_FIELDS, row, strict=True)) for row in cursor.fetchall()]
