"""Writes to the registry that are not reports (those are in ingest.py)."""

from connmon.accounts.models import Game
from connmon.registry.models import Connection, GameServer, ServerState


def forget_game(game: Game) -> None:
    """Deletes every row that a game's servers reported. Rows that hang on the game itself go with it."""
    servers = GameServer.objects.filter(game=game).values("id")
    Connection.objects.filter(server_id__in=servers).delete()
    ServerState.objects.filter(game_id=game.pk).delete()
