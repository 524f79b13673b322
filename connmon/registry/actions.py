"""Writes to the registry that are not reports (those are in ingest.py)."""

from datetime import datetime

from django.db import transaction

from connmon.accounts.models import Game
from connmon.registry.models import Connection, GameServer, ServerState


def end_servers(game: Game, *, now: datetime) -> int:
    """Ends every running server of a game: it will not report again, and what it had registered is gone.

    Returns how many ended. A report that comes all the same is refused with boot-superseded.
    """
    with transaction.atomic():
        running = GameServer.objects.select_for_update().filter(game=game, ended_at=None)  # against a second caller
        ids = list(running.values_list("id", flat=True))
        GameServer.objects.filter(id__in=ids).update(ended_at=now)
        ServerState.objects.filter(server_id__in=ids).update(superseded=True)
        Connection.objects.filter(server_id__in=ids).delete()
    return len(ids)


def forget_game(game: Game) -> None:
    """Deletes every row that a game's servers reported. Rows that hang on the game itself go with it."""
    servers = GameServer.objects.filter(game=game).values("id")
    # First: it waits for reports that are being taken, and from then on none can be.
    ServerState.objects.filter(game_id=game.pk).delete()
    Connection.objects.filter(server_id__in=servers).delete()
