"""The Demo game: made once, fed by `manage.py demo`, removed with one click and then not made again."""

from datetime import datetime
from typing import Final

from django.db import transaction

from connmon.accounts.actions import add_member, create_game_without_members, issue_key
from connmon.accounts.audit import UNNAMED, Actor, record
from connmon.accounts.models import ApiKey, Game, Role, Scope, User
from connmon.core.errors import Invalid
from connmon.demo.models import DemoRemoval
from connmon.registry.actions import end_servers, forget_game
from connmon.telemetry.actions import forget_game as forget_history

DEMO_KEY_NAME: Final = "Demo servers"
DEMO_JOB: Final = Actor.of_job("Demo game")
DEMO_INTERVAL: Final = 4.0  # seconds between reports: of 40 servers ten report each second, so something moves


def demo_key(*, now: datetime) -> str | None:
    """A fresh report key for the Demo game, which is made if need be; None once a member has removed it."""
    with transaction.atomic():
        if DemoRemoval.objects.exists():
            return None
        game = Game.objects.filter(is_demo=True).first()
        if game is None:
            game = create_game_without_members(
                name="Demo", now=now, is_demo=True, report_interval=DEMO_INTERVAL, by=DEMO_JOB
            )
            for user in User.objects.filter(is_superuser=True):
                add_member(game, user=user, role=Role.ADMIN, now=now, by=DEMO_JOB)
        # A feeder keeps its key and its servers in memory only, so those of an earlier one are gone with it.
        ApiKey.objects.filter(game=game, name=DEMO_KEY_NAME).delete()
        end_servers(game, now=now)
        key = issue_key(game, name=DEMO_KEY_NAME, scopes=[Scope.REPORT], expires_at=None, now=now, by=DEMO_JOB)
    return key.plaintext


def remove_demo(game: Game, *, now: datetime, by: Actor = UNNAMED) -> None:
    """Removes the Demo game with all that was reported; the feeder is refused from then on and ends."""
    if not game.is_demo:
        raise Invalid("Only the Demo game is removed this way.")
    with transaction.atomic():
        DemoRemoval.objects.create(at=now)
        record(game, "game.removed", target=game.name, by=by, now=now, before={"slug": game.slug})
        forget_history(game.pk)
        forget_game(game)
        game.delete()
