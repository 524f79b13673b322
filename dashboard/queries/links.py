"""Which service or server a link is for."""

from connmon.accounts.links import Shown
from connmon.registry.models import GameServer, Service


def find_subject(game_id: int, shown: Shown, name: str) -> int | None:
    """The id of a service, or of a server's newest boot, by its name; 0 for the overview, None for nobody's name."""
    if shown is Shown.OVERVIEW:
        return 0
    if shown is Shown.SERVER:
        boots = GameServer.objects.filter(game_id=game_id, name=name).order_by("-first_seen_at")
        return boots.values_list("id", flat=True).first()
    return Service.objects.filter(game_id=game_id, name=name).values_list("id", flat=True).first()
