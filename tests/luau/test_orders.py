"""Orders of the backend: carried out once, only on what still is the same connection."""

import pytest

from connmon.wire import v1
from tests.luau.backend import Canned
from tests.luau.conftest import Server


def prepared(server: Server) -> dict[str, v1.Opened]:
    """Three connections the backend knows, one of them essential; by name."""
    server.lua("""
        CM:RegisterConnection('S', 'a', Quiet:Connect(print), 'Custom')
        CM:RegisterConnection('S', 'b', Quiet:Connect(print), 'Custom')
        CM:RegisterConnection('S', 'keep', Quiet:Connect(print), 'Custom', { Essential = true })
    """)
    server.wait_for(lambda: bool(server.backend.received))
    return {event.name: event for event in server.backend.only().registry.values() if event.service == "S"}


def outcomes(server: Server) -> list[v1.Outcome]:
    """All outcomes reported so far."""
    return [outcome for report in server.backend.received for outcome in report.outcomes]


def test_an_order_closes_what_it_names_and_reports_it(reporting: Server) -> None:
    known = prepared(reporting)
    reporting.backend.orders = [{"id": "ord_1", "connections": [[known["a"].id, known["a"].at], [999, 5.0]]}]
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    (outcome,) = outcomes(reporting)
    assert (outcome.order, outcome.status, outcome.closed, outcome.gone) == ("ord_1", "done", [known["a"].id], [999])
    assert reporting.live() == 2


def test_an_order_leaves_alone_what_was_opened_at_another_moment(reporting: Server) -> None:
    known = prepared(reporting)
    reporting.backend.orders = [{"id": "ord_1", "connections": [[known["a"].id, known["a"].at - 1]]}]
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert outcomes(reporting)[0].changed == [known["a"].id]
    assert reporting.live() == 3


def test_an_order_never_closes_what_is_essential(reporting: Server) -> None:
    known = prepared(reporting)
    reporting.backend.orders = [{"id": "ord_1", "connections": [[known["keep"].id, known["keep"].at]]}]
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    (outcome,) = outcomes(reporting)
    assert (outcome.closed, outcome.detail) == ([], "1 essential kept")
    assert reporting.live() == 3


def test_an_order_that_comes_twice_is_carried_out_once(reporting: Server) -> None:
    known = prepared(reporting)
    order: dict[str, object] = {"id": "ord_1", "connections": [[known["a"].id, known["a"].at]]}
    reporting.backend.orders = [order]
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    reporting.backend.orders = [order]
    reporting.pass_time(20)
    assert len(outcomes(reporting)) == 1


def test_an_outcome_survives_a_report_that_is_dropped(reporting: Server) -> None:
    known = prepared(reporting)
    reporting.backend.orders = [{"id": "ord_1", "connections": [[known["a"].id, known["a"].at]]}]
    taken = len(reporting.backend.received)
    reporting.wait_for(lambda: len(reporting.backend.received) > taken)
    reporting.backend.canned.append(Canned(422))
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    assert [outcome.order for outcome in outcomes(reporting)] == ["ord_1"]


def test_orders_of_no_form_are_harmless(reporting: Server) -> None:
    prepared(reporting)
    reporting.backend.orders = [
        {"id": 5, "connections": []},
        {"id": "ord_2"},
        {"id": "ord_3", "connections": [["x", 1]]},
        {"id": "ord_4", "connections": [[i, 1.0] for i in range(1, 5_002)]},
    ]
    reporting.wait_for(lambda: len(outcomes(reporting)) == 2)
    assert [(outcome.order, outcome.status) for outcome in outcomes(reporting)] == [
        ("ord_3", "failed"),
        ("ord_4", "refused"),
    ]
    assert reporting.live() == 3


@pytest.mark.parametrize(
    "malformed",
    [["x", 1], [1], [1, 2, 3], "x", [0, 1.0], [-1, 1.0], [1.5, 1.0], [2**53, 1.0], [True, 1.0], [None, 1.0], {}],
    ids=str,
)
def test_an_order_with_one_malformed_pair_closes_nothing(reporting: Server, malformed: object) -> None:
    known = prepared(reporting)
    pair = [known["a"].id, known["a"].at]
    reporting.backend.orders = [{"id": "ord_1", "connections": [pair, malformed]}]
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    (outcome,) = outcomes(reporting)
    assert (outcome.status, outcome.closed, outcome.gone, outcome.changed) == ("failed", [], [], [])
    assert reporting.live() == 3


def test_an_order_that_breaks_off_says_what_it_has_closed(reporting: Server) -> None:
    known = prepared(reporting)
    reporting.backend.orders = [
        {"id": "ord_1", "connections": [[known[name].id, known[name].at] for name in ("a", "b")]}
    ]
    reporting.lua("""
        local registry, calls = CM.core.registry, 0
        registry.openedAt, shared.openedAt = function(slot)
            calls += 1
            if calls == 2 then error('a fault') end
            return shared.openedAt(slot)
        end, registry.openedAt
    """)
    reporting.wait_for(lambda: bool(outcomes(reporting)))
    (outcome,) = outcomes(reporting)
    assert (outcome.status, outcome.closed) == ("failed", [known["a"].id])
    assert "a fault" in outcome.detail


def test_settings_of_the_backend_are_taken_over(reporting: Server) -> None:
    reporting.backend.config = {
        "revision": 4,
        "CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": 120, "AUTO_CLEANUP_STALE_CONNECTIONS": False},
    }
    reporting.lua("""
        local connection = Quiet:Connect(print)
        CM:RegisterConnection('S', 'a', connection, 'Custom')
        connection:Disconnect()
    """)
    reporting.pass_time(700, fps=2)
    assert reporting.backend.received[-1].config_revision == 4
    assert reporting.stats()["Services"]["S"]["Stale"] == 1


def test_settings_out_of_range_are_not_taken_over(reporting: Server) -> None:
    reporting.backend.config = {"revision": 5, "CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": 0}}
    reporting.vm.join("Ann", 1)
    reporting.lua("shared.ann = Players:GetPlayers()[1]")
    reporting.vm.leave(1)
    reporting.lua("CM:RegisterConnection(shared.ann, 'n', Quiet:Connect(print), 'Custom')")
    reporting.pass_time(100, fps=2)
    assert (reporting.stats()["Orphaned"], reporting.stats()["Stale"]) == (1, 0)
