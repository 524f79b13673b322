"""Run inside `manage.py shell` of a house: a game of which every page is full, with hostile names."""

import json
from datetime import timedelta

from django.utils import timezone

from connmon.accounts.actions import create_game
from connmon.accounts.models import User
from connmon.telemetry.partitions import ensure_partitions
from connmon.telemetry.resolutions import TICK
from tests.dashboard.pages import fill
from tests.e2e.visitor import EMAIL

GAME = "Tower Defence"
PAST = timedelta(hours=2)  # samples reach back less far
AHEAD = 5  # partitions from there; no gap is left


def print_filled() -> None:
    """Makes the game, with the first member as admin, and prints its ids as one line of JSON."""
    ensure_partitions(TICK, timezone.now() - PAST, ahead=AHEAD)
    game = create_game(name=GAME, owner=User.objects.get(email=EMAIL), now=timezone.now())
    filled = fill(game)
    ids = {
        "slug": game.slug,
        "service": filled.service.pk,
        "server": filled.server.pk,
        "plan": filled.plan.pk,
        "rule": filled.rule.pk,
        "destination": filled.destination.pk,
        "leak": filled.leak.pk,
        "revision": 1,
        "upload": filled.upload.pk,
        "source": filled.upload.files.order_by("-leaks", "path")[0].path,
    }
    print(json.dumps(ids))
