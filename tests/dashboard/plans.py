"""Games with something to clean up, and plans at every point of their life, as the pages' tests need them."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game, User
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.scope import EVERYTHING
from connmon.configuration.actions import change_configuration
from connmon.registry.models import GameServer
from connmon.registry.states import ConnectionState
from tests.cleanup import steering
from tests.dashboard.factories import Counters, ServerSpec, make_connection, put_server, put_service, save_connections


def put_busy_server(
    game: Game, server_name: str = "lobby-1", *, service: str = "Combat", count: int = 3, **more: Any
) -> GameServer:
    """A reporting server with `count` orphaned connections, or as `more` says."""
    now = timezone.now()
    server = put_server(game, ServerSpec(server_name, {service: Counters(live=count)}), now=now)
    state = {"state": ConnectionState.ORPHANED} | more
    known = put_service(game, service)
    save_connections([make_connection(server, known, number, now=now, **state) for number in range(1, count + 1)])
    return server


def run(game: Game, **more: Any) -> Plan:
    """A plan of everything whose orders are on their way."""
    return steering.run(game, EVERYTHING, **more)


def answer(plan: Plan, **fields: Any) -> None:
    """Every order of a plan is done, all its connections closed, or as `fields` say."""
    for order in Order.objects.filter(plan=plan):
        now = timezone.now()
        done = {"state": "done", "closed": order.connection_ids, "sent_at": now - timedelta(seconds=1.5), "sends": 1}
        Order.objects.filter(pk=order.pk).update(**done | {"finished_at": now} | fields)


def want_second_person(game: Game) -> None:
    change_configuration(
        game,
        settings={"OPERATIONS": {"SECOND_PERSON": True}},
        services={},
        reason="Two pairs of eyes",
        by=Actor.of_command("ops"),
        now=timezone.now(),
    )


def by(user: User) -> Actor:
    return Actor.of_user(user)


def address_of(name: str, plan: Plan, **more: Any) -> str:
    return reverse(name, kwargs={"slug": plan.game.slug, "plan_id": plan.pk} | more)
