"""From an executed plan to the outcome of each connection, over real reports."""

from datetime import timedelta

import pytest
from django.db.models import F, QuerySet
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup import desk, settle
from connmon.cleanup.models import Order
from connmon.cleanup.queries import list_came_back, order_outcomes, plan_progress
from connmon.cleanup.scope import Scope
from connmon.registry.models import OrderOutcome
from connmon.registry.states import ConnectionState
from tests.cleanup.steering import (
    MakeServer,
    advance,
    again,
    answer_all,
    connections,
    fetch,
    orders_of,
    outcome,
    run,
)
from tests.machine import Json, Machine, closed, opened


def odd_outcomes(game_id: int) -> QuerySet[OrderOutcome]:
    """Outcomes that did not count, the newest first."""
    return OrderOutcome.objects.filter(game_id=game_id).exclude(verdict__in=["", "applied"]).order_by("-id")


def test_orders_name_connections_by_id_and_the_very_moment(busy: Machine, game: Game) -> None:
    run(game)
    (order,) = fetch(busy)
    assert order["id"].startswith("ord_")
    assert order["connections"] == [[one["id"], one["at"]] for one in connections(10)]


def test_with_orders_the_next_report_is_wanted_soon(busy: Machine, game: Game) -> None:
    run(game)
    while not (answer := busy.send()).body["orders"]:
        assert answer.body["interval"] == 10.0
    assert answer.body["interval"] == 0.5
    assert busy.send().body["interval"] == 10.0


def test_the_outcome_ends_order_and_plan(busy: Machine, game: Game) -> None:
    made = run(game)
    (order,) = fetch(busy)
    busy.send(outcomes=[outcome(order, closed=[1, 2, 3, 4, 5, 6], gone=[7, 8], changed=[9])])
    advance(2)
    told = plan_progress(made)
    assert (told["closed"], told["gone"], told["changed"], told["unclosed"]) == (6, 2, 1, 1)
    assert again(made).state == "watching"
    by_connection = {one["id"]: one["outcome"] for one in order_outcomes(orders_of(made)[0])}
    assert by_connection == dict.fromkeys(range(1, 7), "closed") | {7: "gone", 8: "gone", 9: "changed", 10: "failed"}


def test_every_step_is_in_the_audit_trail(busy: Machine, game: Game) -> None:
    run(game)
    answer_all(busy)
    advance(2)
    told = AuditEntry.objects.filter(action__startswith="plan.").order_by("id")
    assert [entry.action for entry in told] == ["plan.made", "plan.executed", "plan.started", "plan.finished"]
    assert told[3].after == {"closed": 10, "gone": 0, "changed": 0, "unclosed": 0}
    assert [entry.actor_kind for entry in told[2:]] == ["job", "job"]


def test_a_server_out_of_scope_gets_no_orders(make_server: MakeServer, busy: Machine, game: Game) -> None:
    other = make_server("server-2")
    other.send_first(opened=connections(5))
    run(game, Scope(servers=(busy.id,)))
    fetch(busy)
    assert [other.send().body["orders"] for _ in range(3)] == [[], [], []]


def test_essential_connections_are_never_ordered(server: Machine, game: Game) -> None:
    server.send_first(opened=[opened(1), opened(2, essential=True)])
    run(game)
    (order,) = fetch(server)
    assert [number for number, _ in order["connections"]] == [1]


def test_large_registries_are_ordered_in_parts(server: Machine, game: Game) -> None:
    lots = connections(4_500)
    server.send_first(opened=lots[:1_000])
    for start in range(1_000, 4_500, 1_000):
        server.send(opened=lots[start : start + 1_000])
    made = run(game)
    assert (made.ordered, made.servers) == (4_500, 1)
    first = fetch(server)
    assert len(first) == desk.AT_ONCE
    rest = server.send(outcomes=[outcome(order) for order in first]).body["orders"]
    advance(1)
    assert plan_progress(made)["servers_answered"] == 0
    server.send(outcomes=[outcome(order) for order in rest])
    sizes = [len(order["connections"]) for order in first + rest]
    assert sorted(sizes) == [500, 1_000, 1_000, 1_000, 1_000]
    advance(2)
    told = plan_progress(made)
    assert (told["closed"], told["servers_answered"]) == (4_500, 1)


def test_an_order_goes_out_once_while_its_outcome_may_come(busy: Machine, game: Game) -> None:
    run(game)
    fetch(busy)
    assert [busy.send().body["orders"] for _ in range(3)] == [[], [], []]


def test_without_an_outcome_it_goes_out_again(busy: Machine, game: Game) -> None:
    made = run(game)
    first = fetch(busy)
    Order.objects.filter(plan=made).update(deliver_at=F("deliver_at") - timedelta(seconds=desk.AGAIN_AFTER))
    assert fetch(busy) == first
    assert orders_of(made)[0].sends == 2


def test_a_lost_answer_is_given_again_with_the_repeat(busy: Machine, game: Game) -> None:
    run(game)
    while not (answer := busy.site.post(report := busy.report(), key=busy.key)).body["orders"]:
        pass
    assert busy.site.post(report, key=busy.key).body["orders"] == answer.body["orders"]


def test_an_outcome_that_comes_twice_counts_once(busy: Machine, game: Game) -> None:
    made = run(game)
    (order,) = fetch(busy)
    busy.send(outcomes=[outcome(order), outcome(order, closed=[], gone=[1])])
    busy.send(outcomes=[outcome(order, status="failed", closed=[])])
    advance()
    assert plan_progress(made)["closed"] == 10
    assert [odd.verdict for odd in odd_outcomes(game.pk)] == ["twice", "twice"]


def test_a_report_that_is_repeated_tells_its_outcomes_once(busy: Machine, game: Game) -> None:
    run(game)
    (order,) = fetch(busy)
    report = busy.report(outcomes=[outcome(order)])
    for _ in range(3):
        assert busy.site.post(report, key=busy.key).status == 200
    assert OrderOutcome.objects.count() == 1


def test_an_outcome_for_another_servers_order_changes_nothing(
    make_server: MakeServer, busy: Machine, game: Game
) -> None:
    other = make_server("server-2")
    other.send_first()
    made = run(game)
    (order,) = fetch(busy)
    other.send(outcomes=[outcome(order)])
    advance()
    assert orders_of(made)[0].state == "sent"
    (odd,) = odd_outcomes(game.pk)
    assert (odd.verdict, odd.server_id) == ("foreign-order", other.id)


def test_another_games_outcome_changes_nothing(
    make_server: MakeServer, make_key: MakeServer, busy: Machine, game: Game, other_game: Game
) -> None:
    thief = make_server("server-1", game=other_game, key=make_key(of=other_game))
    thief.send_first()
    made = run(game)
    (order,) = fetch(busy)
    thief.send(outcomes=[outcome(order)])
    advance()
    assert orders_of(made)[0].state == "sent"
    assert odd_outcomes(game.pk).count() == 0
    assert odd_outcomes(other_game.pk).get().verdict == "foreign-order"


@pytest.mark.parametrize("order", ["ord_nobody", "x" * 64, "'; DROP TABLE cleanup_order; --", 'a"b\\c'])
def test_an_outcome_of_an_unknown_order_is_kept_and_harms_nothing(busy: Machine, game: Game, order: str) -> None:
    said = {"order": order, "status": "done", "closed": [1], "detail": 'said "so" \\ {1,2}'}
    assert busy.send(outcomes=[said]).status == 200
    advance()
    (odd,) = odd_outcomes(game.pk)
    assert (odd.verdict, odd.order_id, odd.detail, odd.closed) == ("unknown-order", order, said["detail"], [1])
    assert busy.registered() == set(range(1, 11))


def test_an_outcome_before_the_order_went_out_does_not_count(busy: Machine, game: Game) -> None:
    made = run(game)
    Order.objects.filter(plan=made).update(state="waiting")
    order: Json = {"id": orders_of(made)[0].id, "connections": [[1, 0.0]]}
    busy.send(outcomes=[outcome(order)])
    advance()
    assert odd_outcomes(game.pk).get().verdict == "unsent-order"


def test_an_order_nobody_answers_expires(busy: Machine, game: Game) -> None:
    made = run(game)
    fetch(busy)
    advance(301)
    (order,) = orders_of(made)
    assert (order.state, order.failed, order.detail) == ("expired", 10, "Its server never told the outcome.")
    assert {one["outcome"] for one in order_outcomes(order)} == {"expired"}


def test_an_order_nobody_fetches_expires(busy: Machine, game: Game) -> None:
    made = run(game)
    advance(301)
    assert orders_of(made)[0].detail == "Its server never fetched it."
    assert again(made).state == "watching"
    assert busy.send().body["orders"] == []


def test_a_late_outcome_is_kept_though_the_order_stays_expired(busy: Machine, game: Game) -> None:
    made = run(game)
    (sent,) = fetch(busy)
    advance(301)
    busy.send(outcomes=[outcome(sent), outcome(sent, closed=[1])])
    advance(302)
    (order,) = orders_of(made)
    assert (order.state, len(order.closed), order.failed) == ("expired", 10, 0)
    assert order.detail.startswith("Told its outcome too late.")
    assert [odd.verdict for odd in odd_outcomes(game.pk)] == ["twice", "late"]


def test_orders_of_a_server_that_ended_have_failed(make_server: MakeServer, busy: Machine, game: Game) -> None:
    made = run(game)
    fetch(busy)
    make_server(boot="boot-2").send_first()
    advance(2)
    (order,) = orders_of(made)
    assert (order.state, order.failed) == ("failed", 10)
    assert order.detail.startswith("The server ended")


@pytest.mark.parametrize("seconds", [2, 301])
def test_an_outcome_that_waits_to_be_settled_is_an_answer(
    seconds: int, busy: Machine, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its server ends meanwhile or its time does; more may have come than one transaction settles."""
    made = run(game)
    (sent,) = fetch(busy)
    busy.send(outcomes=[outcome(sent)], closing=True)
    with monkeypatch.context() as patch:
        patch.setattr(settle, "BATCH", 0)
        advance(seconds)
    assert orders_of(made)[0].state == "sent"
    advance(seconds + 2)
    (order,) = orders_of(made)
    assert (order.state, len(order.closed), order.failed) == ("done", 10, 0)
    assert not odd_outcomes(game.pk)


def test_an_order_for_a_server_that_ended_goes_to_no_other_boot(
    make_server: MakeServer, busy: Machine, game: Game
) -> None:
    run(game)
    new = make_server(boot="boot-2")
    new.send_first(opened=connections(10))
    assert [new.send().body["orders"] for _ in range(3)] == [[], [], []]


def test_what_comes_back_is_watched_for_five_minutes(busy: Machine, game: Game) -> None:
    made = run(game)
    answer_all(busy)
    now = timezone.now().timestamp()
    later = [opened(number, at=now + 1) for number in (20, 21)]
    busy.send(sent_at=now, closed=[closed(number) for number in range(1, 11)], opened=later)
    busy.send(sent_at=now, opened=[opened(22, at=now + 1, site="another:1"), opened(23, at=now - 3_600)])
    advance(2)
    advance(34)
    assert [(kind["ordered"], kind["came_back"]) for kind in list_came_back(made)] == [(10, 2)]
    assert again(made).state == "watching"
    advance(303)
    assert again(made).state == "done"


def test_stale_connections_alone_can_be_ordered(server: Machine, game: Game) -> None:
    server.send_first(opened=[*connections(3), opened(9, state="stale")])
    run(game, Scope(states=(ConnectionState.STALE,)))
    (order,) = fetch(server)
    assert [number for number, _ in order["connections"]] == [9]
