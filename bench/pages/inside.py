"""Run inside `manage.py shell` of a stage: makes leaks and plans, and counts the queries of each page."""

from __future__ import annotations

import json
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connmon.accounts.models import Game, User
from connmon.cleanup.models import Plan
from connmon.cleanup.states import Origin
from connmon.leaks.models import Leak
from connmon.registry.models import GameServer, Service
from connmon.telemetry.partitions import ensure_partitions
from connmon.telemetry.resolutions import TICK
from tests.cleanup import steering
from tests.dashboard.factories import Counters, put_samples
from tests.e2e.tour.addresses import GAME_PAGES, Ids, address_of
from tests.e2e.visitor import EMAIL
from tests.leaks.ledger import put_leak

LEAKS_EACH = 10  # of a service
PLANS = 1_000
HISTORY, STEP = timedelta(hours=1), timedelta(seconds=10)
AHEAD = 5  # partitions from the first on; no gap is left
ORIGINS = [origin.value for origin in Origin]
WITHOUT = {"plan-server"}  # there is no order
RUNGS, STATES = ("confirmed", "likely", "suspect"), ("new", "ongoing", "fixed")


def fill(slug: str) -> None:
    """HISTORY, LEAKS_EACH leaks of every service in every rung and state, and PLANS plans like one that was counted."""
    game, now = Game.objects.get(slug=slug), timezone.now()
    _put_history(game)
    for number, name in enumerate(Service.objects.filter(game=game).values_list("name", flat=True)):
        for line in range(LEAKS_EACH):
            kinds = {"rung": RUNGS[line % 3], "state": STATES[(number + line) % 3]}
            put_leak(game, name, site=f"ServerScriptService.{name}:{line}", now=now, **kinds)
    made = steering.plan(game)
    Plan.objects.bulk_create(_copy(made, number) for number in range(PLANS))


def _put_history(game: Game) -> None:
    """Up to where the game's own begins: an overview that is opened has a full chart, as those of old games have."""
    ensure_partitions(TICK, game.created_at - HISTORY, ahead=AHEAD)
    samples = [Counters(live=20 + n % 7, opened=100 + 3 * n, closed=80 + 3 * n) for n in range(HISTORY // STEP)]
    put_samples(
        game, dict.fromkeys(Service.objects.filter(game=game), samples), now=game.created_at - STEP, servers=1_000
    )


def _copy(made: Plan, number: int) -> Plan:
    """An older one that ran."""
    values = {field.attname: getattr(made, field.attname) for field in Plan._meta.concrete_fields if field.name != "id"}
    values |= {
        "origin": ORIGINS[number % 3],
        "state": "done",
        "created_at": made.created_at - timedelta(minutes=number),
    }
    return Plan(**values)


def print_counts(slug: str) -> None:
    """Prints one line of JSON: queries by page, of a member who was there a moment before."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(email=EMAIL))
    game = Game.objects.get(slug=slug)
    client.get(f"/g/{slug}/")
    ids, found = _ids(game), {}
    for name, arguments in GAME_PAGES.items():
        if name in WITHOUT or not ids.keys() >= set(arguments.values()):
            continue
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address_of(name, ids))
        assert answer.status_code == 200, (name, answer.status_code)
        found[name] = len(queries)
    print(json.dumps(found))


def _ids(game: Game) -> Ids:
    """Of what the game has: no rule or destination of its own, and no plan that went out to servers."""
    ids: Ids = {"slug": game.slug, "revision": 0}
    ids["service"] = Service.objects.filter(game=game, name="Gameplay042Service").values_list("pk", flat=True)[0]
    ids["server"] = GameServer.objects.filter(game=game).values_list("pk", flat=True)[0]
    ids["leak"] = Leak.objects.filter(game=game).values_list("pk", flat=True)[0]
    ids["plan"] = Plan.objects.filter(game=game).values_list("pk", flat=True)[0]
    return ids
