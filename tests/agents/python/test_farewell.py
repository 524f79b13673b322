"""The end of a server: what is left goes out at once, and the last report says that it is the last."""

from tests.agents.python.backend import Canned
from tests.agents.python.game import Game, nothing


def settled(game: Game) -> Game:
    """Lets the first report be acknowledged, and long after it the next."""
    game.backend.interval = 300
    game.next_report()
    return game


def register(game: Game, count: int = 1, owner: str = "S") -> None:
    """Connections of a service."""
    for number in range(count):
        game.manager.register_connection(owner, f"n{number}", game.signal().connect(nothing))


def farewells(game: Game) -> list[bool]:
    """Of the reports taken: which said that the server closes."""
    return [report.closing for report in game.backend.received]


def test_the_last_report_says_what_is_left_and_that_the_server_closes(reporting: Game) -> None:
    settled(reporting)
    register(reporting)
    assert reporting.close()
    assert farewells(reporting) == [False, True]
    assert [event.name for event in reporting.backend.received[-1].opened] == ["n0"]
    assert reporting.transport.closed


def test_nothing_follows_the_farewell(reporting: Game) -> None:
    settled(reporting)
    reporting.close()
    reporting.pass_time(700)
    assert farewells(reporting) == [False, True]


def test_the_report_under_way_is_no_farewell_but_the_one_after_it(reporting: Game) -> None:
    settled(reporting)
    assert reporting.agent is not None
    reporting.agent.report_now()
    reporting.agent.step()
    assert len(reporting.transport.requests) == 1
    register(reporting)
    reporting.backend.serve(reporting.transport)
    assert reporting.close()
    assert farewells(reporting) == [False, False, True]


def test_of_several_reports_only_the_last_is_the_farewell(reporting: Game) -> None:
    settled(reporting)
    register(reporting, 5_000)
    assert reporting.close()
    assert len(farewells(reporting)) > 2
    assert farewells(reporting) == [False] * (len(farewells(reporting)) - 1) + [True]
    assert reporting.backend.known.services["S"].live == 5_000
    assert len([event for event in reporting.backend.known.registry.values() if event.service == "S"]) == 5_000


def test_services_without_room_in_a_report_come_before_the_farewell(reporting: Game) -> None:
    settled(reporting)
    for number in range(600):
        register(reporting, owner=f"Service{number}")
    assert reporting.close()
    assert len(reporting.backend.known.services) >= 600
    assert farewells(reporting) == [False] * (len(farewells(reporting)) - 1) + [True]


def test_a_farewell_that_asks_for_a_resync_gets_it_and_another_farewell(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.extra = {"resync": True}
    assert reporting.close()
    assert farewells(reporting) == [False, True, True]
    assert reporting.backend.received[-1].snapshot is not None


def test_orders_that_come_with_the_answer_to_the_farewell_are_answered_for(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.extra = {"orders": [{"id": "ord_1", "connections": [[999, 5.0]]}]}
    assert reporting.close()
    assert [outcome.gone for outcome in reporting.backend.received[-1].outcomes] == [[999]]
    assert farewells(reporting) == [False, True, True]


def test_a_report_that_was_going_to_be_sent_again_goes_out_before_the_farewell(reporting: Game) -> None:
    settled(reporting)
    assert reporting.agent is not None
    reporting.backend.canned.append(Canned(fails=True))
    reporting.agent.report_now()
    reporting.agent.step()
    reporting.backend.serve(reporting.transport)
    reporting.agent.step()
    assert reporting.close()
    assert farewells(reporting) == [False, False, True]
    assert reporting.backend.bodies[1] == reporting.backend.bodies[2]
