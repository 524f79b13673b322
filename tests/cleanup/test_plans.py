"""A plan's life: executed, held, taken back, released server by server, stopped."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup.actions import abort_plan, declare_emergency, execute_plan, once, run_automatic, undo_plan
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.queries import plan_progress
from connmon.cleanup.scope import EVERYTHING
from connmon.cleanup.states import Origin
from connmon.configuration.actions import change_configuration
from connmon.core.errors import Conflict, Invalid, NotFound, NotPermitted
from connmon.registry.models import IngestPulse, ServerState
from tests.cleanup.steering import (
    AT_ONCE,
    BY,
    OTHER,
    MakeServer,
    advance,
    again,
    answer_all,
    connections,
    fetch,
    orders_of,
    outcome,
    plan,
    run,
)
from tests.machine import Machine


def execute(game: Game, made: Plan, **more: Any) -> Plan:
    values: dict[str, Any] = {"by": BY, "now": timezone.now()} | more
    return execute_plan(game, made.pk, **values)


def states(made: Plan) -> list[str]:
    return [order.state for order in orders_of(made)]


def test_an_executed_plan_is_held_for_ten_seconds(busy: Machine, game: Game) -> None:
    made = execute(game, plan(game))
    advance(9)
    assert (again(made).state, Order.objects.count()) == ("held", 0)
    advance(11)
    assert (again(made).state, states(made)) == ("running", ["pending"])


def test_a_held_plan_can_be_taken_back(busy: Machine, game: Game) -> None:
    made = execute(game, plan(game))
    assert undo_plan(game, made.pk, by=OTHER, now=timezone.now()).state == "undone"
    advance(60)
    assert not Order.objects.exists()
    assert AuditEntry.objects.get(action="plan.undone").actor == "somebody else"


def test_a_running_plan_cannot_be_taken_back(busy: Machine, game: Game) -> None:
    made = run(game)
    with pytest.raises(Conflict, match="running and cannot be taken back"):
        undo_plan(game, made.pk, by=BY, now=timezone.now())


def test_a_plan_is_executed_once(busy: Machine, game: Game) -> None:
    made = execute(game, plan(game))
    with pytest.raises(Conflict, match="held and cannot be executed"):
        execute(game, made)
    assert AuditEntry.objects.filter(action="plan.executed").count() == 1


def test_an_old_plan_cannot_be_executed(busy: Machine, game: Game) -> None:
    made = plan(game)
    later = timezone.now() + timedelta(minutes=16)
    with pytest.raises(Conflict, match="has expired"):
        execute(game, made, now=later)
    advance(16 * 60)
    assert again(made).state == "expired"
    with pytest.raises(Conflict, match="expired and cannot be executed"):
        execute(game, made)


def test_another_games_plan_does_not_exist(busy: Machine, game: Game, other_game: Game) -> None:
    made = plan(game)
    for act in (execute_plan, undo_plan, abort_plan):
        with pytest.raises(NotFound):
            act(other_game, made.pk, by=BY, now=timezone.now())


def test_a_scope_that_grew_by_more_than_a_tenth_is_not_run(busy: Machine, game: Game) -> None:
    made = execute(game, plan(game), hold=AT_ONCE)
    busy.send(opened=[{**one, "id": one["id"] + 100} for one in connections(2)])
    advance()
    assert again(made).state == "aborted"
    assert again(made).detail.startswith("It grew from 10 to 12 connections")
    assert not Order.objects.exists()
    assert not made.fingerprints.exists()
    assert AuditEntry.objects.get(action="plan.aborted").actor == "Cleanup"


def test_a_scope_that_grew_by_a_tenth_is_run(busy: Machine, game: Game) -> None:
    made = execute(game, plan(game), hold=AT_ONCE)
    busy.send(opened=[{**one, "id": one["id"] + 100} for one in connections(1)])
    advance()
    assert (again(made).state, again(made).ordered) == ("running", 11)


def test_a_plan_with_nothing_to_close_ends(server: Machine, game: Game) -> None:
    server.send_first()
    made = run(game)
    assert again(made).state == "watching"


def second_person(game: Game) -> None:
    change_configuration(
        game,
        settings={"OPERATIONS": {"SECOND_PERSON": True}},
        services={},
        reason="four eyes",
        by=BY,
        now=timezone.now(),
    )


def test_where_a_second_person_is_wanted_nobody_executes_his_own_plan(busy: Machine, game: Game) -> None:
    second_person(game)
    made = plan(game)
    with pytest.raises(NotPermitted, match="second person"):
        execute(game, made)
    assert execute(game, made, by=OTHER).state == "held"


def test_where_a_second_person_is_wanted_an_emergency_is_planned_first(busy: Machine, game: Game) -> None:
    second_person(game)
    with pytest.raises(NotPermitted, match="second person"):
        declare_emergency(game, reason="x", by=BY, now=timezone.now())
    assert not Plan.objects.exists()


@pytest.mark.parametrize("values", [{"hold": timedelta(seconds=61)}, {"hold": timedelta(seconds=-1)}])
def test_a_hold_has_bounds(busy: Machine, game: Game, values: Any) -> None:
    with pytest.raises(Invalid):
        execute(game, plan(game), **values)


def fleet(make_server: MakeServer, count: int, **report: Any) -> list[Machine]:
    """Servers s-1 … with three connections and 10, 20, … players."""
    servers = [make_server(f"s-{number}") for number in range(1, count + 1)]
    for number, server in enumerate(servers, 1):
        server.send_first(**{"opened": connections(3), "players": number * 10} | report)
    return servers


def test_one_server_goes_first_and_the_others_when_it_has_answered(make_server: MakeServer, game: Game) -> None:
    servers = fleet(make_server, 3)
    made = run(game, canary=True)
    assert states(made) == ["pending", "waiting", "waiting"]
    advance(5)
    assert states(made) == ["pending", "waiting", "waiting"]
    assert orders_of(made)[0].server_id == servers[0].id
    answer_all(servers[0], players=10)
    advance(6)
    assert states(made) == ["done", "pending", "pending"]


def test_the_canary_has_players_if_any_server_has(make_server: MakeServer, game: Game) -> None:
    empty, full = make_server("a"), make_server("b")
    empty.send_first(players=0, opened=connections(1))
    full.send_first(players=9, opened=connections(1))
    made = run(game, canary=True)
    assert orders_of(made)[0].server_id == full.id


def test_the_others_follow_at_the_pace_that_was_asked_for(make_server: MakeServer, game: Game) -> None:
    fleet(make_server, 5)
    made = run(game, servers_per_second=2)
    assert states(made).count("pending") == 2
    advance(1.2)
    assert states(made).count("pending") == 4
    advance(3)
    assert states(made).count("pending") == 5


@pytest.mark.parametrize("said", [{"status": "failed"}, {"status": "refused"}])
def test_a_canary_that_fails_stops_the_plan(make_server: MakeServer, game: Game, said: Any) -> None:
    servers = fleet(make_server, 3)
    made = run(game, canary=True)
    (order,) = fetch(servers[0], players=10)
    servers[0].send(players=10, outcomes=[outcome(order, closed=[], **said)])
    advance(2)
    assert again(made).state == "aborted"
    assert again(made).detail.startswith("1 of 1 servers that answered refused or failed.")
    assert states(made) == [said["status"], "cancelled", "cancelled"]
    told = plan_progress(made)
    assert (told["never_sent"], told["servers_answered"]) == (6, 1)


def test_a_canary_that_does_not_answer_stops_the_plan(make_server: MakeServer, game: Game) -> None:
    servers = fleet(make_server, 2)
    made = run(game, canary=True)
    fetch(servers[0], players=10)
    ServerState.objects.update(due_at=timezone.now() + timedelta(minutes=10))
    advance(91)
    assert (again(made).state, states(made)) == ("aborted", ["sent", "cancelled"])
    assert "did not answer within 90 s" in again(made).detail


def test_a_server_that_falls_silent_stops_the_plan(make_server: MakeServer, game: Game) -> None:
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now)
    servers = fleet(make_server, 2)
    made = run(game, canary=True)
    ServerState.objects.filter(server_id=servers[0].id).update(due_at=timezone.now())
    advance(2)
    assert "1 of 1 servers fell silent" in again(made).detail


def test_players_that_leave_stop_the_plan(make_server: MakeServer, game: Game) -> None:
    servers = fleet(make_server, 3)
    made = run(game, canary=True)
    (order,) = fetch(servers[0], players=10)
    servers[0].send(players=2, outcomes=[outcome(order)])
    advance(2)
    assert again(made).state == "aborted"
    assert "Players fell from 10 to 2" in again(made).detail
    assert AuditEntry.objects.get(action="plan.aborted").reason == again(made).detail


def test_players_that_leave_everywhere_are_no_harm_of_ours(make_server: MakeServer, game: Game) -> None:
    servers = fleet(make_server, 3)
    made = run(game, canary=True)
    (order,) = fetch(servers[0], players=10)
    servers[0].send(players=5, outcomes=[outcome(order)])
    for server in servers[1:]:
        server.send(players=10)
    advance(2)
    assert again(made).state == "running"


def test_a_running_plan_can_be_stopped_by_hand(make_server: MakeServer, game: Game) -> None:
    servers = fleet(make_server, 2)
    made = run(game, canary=True)
    (order,) = fetch(servers[0], players=10)
    assert abort_plan(game, made.pk, by=OTHER, now=timezone.now()).state == "aborted"
    servers[0].send(outcomes=[outcome(order)])
    advance(2)
    assert states(made) == ["done", "cancelled"]
    assert servers[1].send().body["orders"] == []
    with pytest.raises(Conflict, match="Stopped by somebody else"):
        abort_plan(game, made.pk, by=BY, now=timezone.now())


def test_an_emergency_is_planned_and_executed_in_one_step(busy: Machine, game: Game) -> None:
    made = declare_emergency(game, reason="servers die", by=BY, now=timezone.now(), hold=AT_ONCE, canary=False)
    advance()
    assert (again(made).origin, states(made)) == ("emergency", ["pending"])
    assert answer_all(busy)


def test_the_same_request_again_is_the_same_plan(busy: Machine, game: Game) -> None:
    def ask(**asked: Any) -> Plan:
        return once(game, key="k-1", asked=asked, now=timezone.now(), act=lambda: plan(game))

    first = ask(reason="x", scope={"everything": True})
    assert ask(scope={"everything": True}, reason="x") == first
    assert Plan.objects.count() == 1
    with pytest.raises(Conflict, match="another request"):
        ask(reason="y", scope={"everything": True})


def test_games_use_the_same_idempotency_key_apart(busy: Machine, game: Game, other_game: Game) -> None:
    for one in (game, other_game):
        once(one, key="k-1", asked={"game": one.pk}, now=timezone.now(), act=lambda one=one: plan(one))  # type: ignore[misc]
    assert Plan.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 129, "a\nb"])
def test_an_idempotency_key_has_a_form(game: Game, key: str) -> None:
    with pytest.raises(Invalid):
        once(game, key=key, asked={}, now=timezone.now(), act=lambda: plan(game))


def test_of_two_automatic_plans_at_once_the_second_is_refused(busy: Machine, game: Game) -> None:
    def start() -> Plan | None:
        with transaction.atomic():
            return run_automatic(
                game, EVERYTHING, origin=Origin.SWEEP, reason="x", job="Stale sweep", now=timezone.now()
            )

    assert start()
    with pytest.raises(IntegrityError):
        start()
    assert Plan.objects.count() == 1


def test_an_automatic_plan_of_nothing_leaves_no_plan(server: Machine, game: Game) -> None:
    server.send_first()
    made = run_automatic(game, EVERYTHING, origin=Origin.SWEEP, reason="x", job="Stale sweep", now=timezone.now())
    assert made is None
    assert not Plan.objects.exists()
