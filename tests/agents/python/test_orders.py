"""Orders of the backend: carried out once, only on what still is the same connection."""

from typing import Any

import pytest

from connmon.wire import v1
from tests.agents.python.backend import Canned
from tests.agents.python.game import Game, named, nothing


def prepared(game: Game) -> dict[str, v1.Opened]:
    """Three connections the backend knows, one of them essential; by name."""
    for name in ("a", "b", "keep"):
        game.manager.register_connection("S", name, game.signal().connect(nothing), essential=name == "keep")
    game.next_report()
    return {event.name: event for event in game.backend.known.registry.values() if event.service == "S"}


def order(game: Game, *connections: object, number: str = "ord_1") -> None:
    """The next answer brings an order."""
    game.backend.extra = {"orders": [{"id": number, "connections": list(connections)}]}


def outcomes(game: Game) -> list[v1.Outcome]:
    """All outcomes reported so far."""
    return [outcome for report in game.backend.received for outcome in report.outcomes]


def test_an_order_closes_what_it_names_and_reports_it(reporting: Game) -> None:
    known = prepared(reporting)
    order(reporting, [known["a"].id, known["a"].at], [999, 5.0])
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert outcomes(reporting) == [v1.Outcome("ord_1", "done", closed=[known["a"].id], gone=[999])]
    assert reporting.of("S").live == 2


def test_an_outcome_does_not_wait_for_the_next_interval(reporting: Game) -> None:
    reporting.backend.interval = 300
    known = prepared(reporting)
    reporting.backend.interval = 5
    order(reporting, [known["a"].id, known["a"].at])
    assert reporting.agent is not None
    reporting.agent.report_now()
    reporting.backend.interval = 300
    reporting.wait_for(lambda: bool(outcomes(reporting)), seconds=5)


def test_an_order_leaves_alone_what_was_opened_at_another_moment(reporting: Game) -> None:
    known = prepared(reporting)
    order(reporting, [known["a"].id, known["a"].at - 1], [known["b"].id, known["b"].at + 0.001])
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert outcomes(reporting)[0].changed == [known["a"].id, known["b"].id]
    assert reporting.of("S").live == 3


def test_an_order_never_closes_what_is_essential(reporting: Game) -> None:
    known = prepared(reporting)
    order(reporting, [known["keep"].id, known["keep"].at])
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    (outcome,) = outcomes(reporting)
    assert (outcome.closed, outcome.changed, outcome.detail) == ([], [known["keep"].id], "1 essential kept")
    assert reporting.of("S").live == 3


def test_an_order_that_comes_twice_is_carried_out_once(reporting: Game) -> None:
    known = prepared(reporting)
    for _ in range(3):
        order(reporting, [known["a"].id, known["a"].at])
        reporting.pass_time(10)
    assert len(outcomes(reporting)) == 1


def test_a_connection_that_has_taken_a_name_over_is_not_closed_in_its_place(reporting: Game) -> None:
    known = prepared(reporting)
    reporting.manager.register_connection("S", "a", reporting.signal().connect(nothing))
    order(reporting, [known["a"].id, known["a"].at])
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert (outcomes(reporting)[0].gone, reporting.of("S").live) == ([known["a"].id], 3)


def test_a_disconnect_that_closes_another_named_one_leaves_the_order_sound(reporting: Game) -> None:
    class Closing:
        connected = True

        def disconnect(self) -> None:
            self.connected = False
            reporting.manager.unregister_connection("T", "b")

    for name in ("a", "b"):
        reporting.manager.register_connection("T", name, Closing())
    reporting.next_report()
    known = {event.name: event for event in reporting.backend.known.registry.values() if event.service == "T"}
    order(reporting, *([event.id, event.at] for event in known.values()))
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    (outcome,) = outcomes(reporting)
    assert (outcome.closed, outcome.gone) == ([known["a"].id], [known["b"].id])


@pytest.mark.parametrize("status", [422, 409, 503])
def test_an_outcome_survives_a_report_that_is_dropped(reporting: Game, status: int) -> None:
    known = prepared(reporting)
    order(reporting, [known["a"].id, known["a"].at])
    reporting.next_report()
    reporting.backend.canned.append(Canned(status))
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    reporting.pass_time(20)
    assert [outcome.order for outcome in outcomes(reporting)] == ["ord_1"]


@pytest.mark.parametrize(
    "orders",
    [
        None,
        5,
        "x",
        {},
        [None],
        [5],
        [{}],
        [{"id": 5, "connections": []}],
        [{"id": "ord_2"}],
        [{"id": "o", "connections": {}}],
    ],
    ids=named,
)
def test_orders_of_no_form_are_harmless(reporting: Game, orders: object) -> None:
    prepared(reporting)
    reporting.backend.extra = {"orders": orders}
    reporting.pass_time(20)
    assert (outcomes(reporting), reporting.of("S").live, reporting.log) == ([], 3, [])


@pytest.mark.parametrize(
    "pair",
    [
        ["x", 1],
        [1],
        [],
        None,
        5,
        [True, 1.0],
        [0, 1.0],
        [1.5, 1.0],
        [2**60, 1.0],
        [1, 10**400],
        [1, 2.0, 3.0],
        [1, None],
        {"id": 1},
    ],
    ids=named,
)
def test_an_order_with_one_name_of_no_form_closes_nothing(reporting: Game, pair: object) -> None:
    known = prepared(reporting)
    order(reporting, [known["a"].id, known["a"].at], pair)
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert (outcomes(reporting)[0].status, reporting.of("S").live) == ("failed", 3)


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1, 5])
def test_a_moment_of_no_use_is_another_moment(reporting: Game, moment: Any) -> None:
    known = prepared(reporting)
    order(reporting, [known["a"].id, moment])
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert (outcomes(reporting)[0].changed, reporting.of("S").live) == ([known["a"].id], 3)


def test_an_order_that_names_too_many_is_refused(reporting: Game) -> None:
    prepared(reporting)
    order(reporting, *([number, 1.0] for number in range(1, 5_002)))
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert (outcomes(reporting)[0].status, reporting.of("S").live) == ("refused", 3)


def test_many_outcomes_follow_in_several_reports_each_below_the_bound(reporting: Game) -> None:
    prepared(reporting)
    orders = [{"id": f"ord_{n}", "connections": [[10**9 + k, 1.0] for k in range(500)]} for n in range(150)]
    reporting.backend.extra = {"orders": orders}
    reporting.wait_for(lambda: len(outcomes(reporting)) == 150)
    assert all(len(report.outcomes) <= 100 for report in reporting.backend.received)
    assert max(len(body) for body in reporting.backend.bodies) < v1.MAX_BODY


def test_outcomes_that_nobody_acknowledges_are_bounded_and_counted(
    reporting: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connmon_agent.orders.MAX_WAITING", 20)
    prepared(reporting)
    reporting.backend.extra = {"orders": [{"id": f"ord_{n}", "connections": []} for n in range(30)]}
    reporting.wait_for(lambda: len(outcomes(reporting)) == 20)
    assert reporting.backend.received[-1].dropped == 10


def test_settings_of_the_backend_are_taken_over_and_acknowledged(reporting: Game) -> None:
    reporting.backend.extra = {
        "config": {"revision": 4, "CONNECTION_MANAGEMENT": {"AUTO_CLEANUP_STALE_CONNECTIONS": False}}
    }
    connection = reporting.signal().connect(nothing)
    reporting.manager.register_connection("S", "a", connection)
    connection.disconnect()
    reporting.pass_time(700, step=1)
    assert (reporting.backend.received[-1].config_revision, reporting.of("S").stale) == (4, 1)


def test_settings_out_of_range_are_told_and_not_taken_over(reporting: Game) -> None:
    reporting.backend.extra = {"config": {"revision": 5, "CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": 0}}}
    reporting.manager.register_connection("player:9", "n", reporting.signal().connect(nothing), service="S")
    reporting.pass_time(100)
    assert (reporting.of("S").orphaned, reporting.of("S").stale) == (1, 0)
    assert reporting.logged("STALE_CONNECTION_THRESHOLD takes 60 to 86400 seconds, not 0") == 1


@pytest.mark.parametrize("config", [[], 5, "x", {"revision": "4"}, {"revision": 3, "CONNECTION_POOLS": []}], ids=named)
def test_settings_of_no_form_stop_nothing(reporting: Game, config: object) -> None:
    reporting.backend.extra = {"config": config}
    reporting.next_report()
    reporting.next_report()
    assert len(reporting.backend.received) == 2
