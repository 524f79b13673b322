"""Plans of a game with real servers, and time that moves as the test says."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game
from connmon.cleanup import actions, steps
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.scope import EVERYTHING, Scope
from tests.machine import Json, Machine, opened, wait_for

BY = Actor.of_job("tests")
OTHER = Actor.of_job("somebody else")
AT_ONCE = timedelta(0)
MakeServer = Callable[..., Machine]


def connections(count: int, **changes: Any) -> list[Json]:
    """`count` opened connections, ids from 1, each opened at its own moment."""
    return [opened(number, at=1_763_869_000.0 + number / 7, **changes) for number in range(1, count + 1)]


def plan(game: Game, scope: Scope = EVERYTHING, **more: Any) -> Plan:
    values: dict[str, Any] = {"reason": "tests", "by": BY, "now": timezone.now(), "canary": False} | more
    return actions.make_plan(game, scope, **values)


def run(game: Game, scope: Scope = EVERYTHING, **more: Any) -> Plan:
    """A plan that was executed without a hold, its first orders on their way."""
    made = plan(game, scope, **more)
    actions.execute_plan(game, made.pk, by=BY, now=timezone.now(), hold=AT_ONCE)
    advance()
    return again(made)


def advance(seconds: float = 0.0) -> None:
    """Everything that is due `seconds` from now."""
    now: datetime = timezone.now() + timedelta(seconds=seconds)
    while steps.step(now=now):
        pass


def again(made: Plan) -> Plan:
    return Plan.objects.get(pk=made.pk)


def fetch(server: Machine, **report: Any) -> list[Json]:
    """Reports until an answer carries orders; these."""
    return wait_for(lambda: list(server.send(**report).body["orders"]), "orders")


def outcome(order: Json, status: str = "done", **lists: Any) -> Json:
    """Everything closed, unless `lists` says otherwise."""
    return {"order": order["id"], "status": status, "closed": [number for number, _ in order["connections"]]} | lists


def answer_all(server: Machine, **report: Any) -> list[Json]:
    """Fetches orders and reports them done, until there are no more; the orders."""
    done = orders = fetch(server, **report)
    while orders:
        orders = server.send(outcomes=[outcome(order) for order in orders], **report).body["orders"]
        done = done + orders
    return done


def orders_of(made: Plan) -> list[Order]:
    return list(Order.objects.filter(plan=made).order_by("place", "id"))
