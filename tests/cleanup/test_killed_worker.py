"""A real worker, killed with SIGKILL while it makes orders and while it settles outcomes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.cleanup import actions
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.queries import plan_progress
from connmon.core.database import conninfo
from connmon.tasks import advance_cleanup
from tests.cleanup.steering import BY, MakeServer, again, connections, outcome, plan
from tests.cleanup.workers import count_sessions, wait_long, worker
from tests.machine import Json, Machine, wait_for


@contextmanager
def orders_locked() -> Iterator[None]:
    """Whoever would write an order waits, in the middle of its transaction."""
    with psycopg.connect(conninfo()) as holder:
        holder.execute("LOCK TABLE cleanup_order IN SHARE MODE")
        yield
        holder.rollback()


def kill_in_the_middle() -> None:
    """Starts a worker, waits until it stands before the locked orders, and kills it there."""
    with worker() as doomed, orders_locked():
        advance_cleanup.delay()
        wait_long(lambda: count_sessions("wait_event_type = 'Lock'"), "the worker to wait for the orders")
        doomed.kill()


def tell(servers: list[Machine]) -> None:
    """Every server carries out what it is given and tells it."""
    for server in servers:
        orders: list[Json] = wait_for(lambda one=server: list(one.send().body["orders"]), "orders")  # type: ignore[misc]
        server.send(outcomes=[outcome(order) for order in orders])


def test_a_killed_worker_loses_nothing_and_does_nothing_twice(make_server: MakeServer, game: Game) -> None:
    servers = [make_server(f"server-{number}") for number in range(3)]
    for server in servers:
        server.send_first(opened=connections(10))
    made = plan(game)
    actions.execute_plan(game, made.pk, by=BY, now=timezone.now(), hold=timedelta(0))

    kill_in_the_middle()
    assert again(made).state == "held"
    assert not Order.objects.exists()

    with worker():
        advance_cleanup.delay()
        wait_long(lambda: Order.objects.filter(state="pending").count() == 3, "the orders")
    tell(servers)
    kill_in_the_middle()
    assert set(Order.objects.values_list("state", flat=True)) == {"sent"}

    with worker():
        advance_cleanup.delay()
        wait_long(lambda: not Order.objects.exclude(state="done").exists(), "the outcomes")
        wait_long(lambda: _is_over(made), "the end of the plan")
    told = plan_progress(again(made))
    assert (told["closed"], told["unclosed"], Order.objects.count()) == (30, 0, 3)


def _is_over(made: Plan) -> bool:
    advance_cleanup.delay()  # as beat does
    return again(made).state == "watching"
