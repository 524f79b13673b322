"""A game's servers looked at minute by minute. Time is an argument: it runs ahead of the clock."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from connmon.accounts.models import Game
from connmon.leaks import look
from tests.machine import Json, Machine

LEASE: Final = 3_600.0  # an interval so long that no server falls silent while time runs ahead


class Clock:
    """Time as tests want it, from now on."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def pass_(self, minutes: float) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now


def begin(server: Machine, *, version: int = 142, players: int = 12, events: list[Json] | None = None) -> None:
    """The server's first report; its agent's clock is right."""
    about = {"id": server.name, "boot": server.boot, "place_version": version}
    now = timezone.now().timestamp()
    server.send_first(sent_at=now, interval=LEASE, server=about, players=players, opened=events or [])


def tell(server: Machine, **changes: Any) -> None:
    """A later report."""
    answer = server.send(sent_at=timezone.now().timestamp(), interval=LEASE, players=12, **changes)
    assert answer.status == 200, answer


def look_for(game: Game, clock: Clock, minutes: int) -> None:
    """A look each minute."""
    for _ in range(minutes):
        assert look.look_at(game.pk, now=clock.pass_(1)) is not None


def of_service(name: str, clock: Clock) -> Json:
    """What an opened connection of a service says, made now."""
    return {"at": clock.now.timestamp(), "owner": f"service:{name}", "owner_kind": "service"}
