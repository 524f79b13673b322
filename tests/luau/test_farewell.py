"""The end of a server: what is left goes out at once, and the last report says that it is the last."""

import pytest

from tests.luau.backend import Canned
from tests.luau.conftest import Server


def settled(server: Server) -> Server:
    """Lets the first report be acknowledged, and long after it the next."""
    server.backend.interval = 300
    server.wait_for(lambda: len(server.backend.received) == 1)
    return server


def register(server: Server, name: str = "n") -> None:
    """A connection of the service S."""
    server.lua("CM:RegisterConnection('S', (...), Quiet:Connect(print), 'Custom')", name)


def until_a_request_waits(server: Server) -> None:
    """Lets time pass, unanswered."""
    for _ in range(2_000):
        if server.vm.requests:
            return
        server.vm.advance(0.25, 10)
    pytest.fail("no request came")


def farewells(server: Server) -> list[bool]:
    """Of the reports taken: which said that the server closes."""
    return [report.closing for report in server.backend.received]


def test_the_last_report_says_what_is_left_and_that_the_server_closes(reporting: Server) -> None:
    settled(reporting)
    register(reporting)
    reporting.vm.close()
    reporting.pass_time(1)
    assert farewells(reporting) == [False, True]
    assert [event.name for event in reporting.backend.received[-1].opened] == ["n"]


def test_nothing_follows_the_farewell(reporting: Server) -> None:
    settled(reporting)
    reporting.vm.close()
    reporting.pass_time(700, fps=2)
    assert farewells(reporting) == [False, True]


def test_the_report_under_way_is_no_farewell_but_the_one_after_it(reporting: Server) -> None:
    settled(reporting)
    until_a_request_waits(reporting)
    register(reporting)
    reporting.vm.close()
    reporting.pass_time(2)
    assert farewells(reporting) == [False, False, True]
    assert "S" in reporting.backend.only().services


def test_of_several_reports_only_the_last_is_the_farewell(reporting: Server) -> None:
    settled(reporting)
    reporting.lua("""
        for number = 1, 5000 do
            CM:RegisterConnection('S', 'n' .. number, Quiet:Connect(print), 'Custom')
        end
    """)
    reporting.vm.close()
    reporting.pass_time(7)
    assert len(farewells(reporting)) > 2
    assert farewells(reporting) == [False] * (len(farewells(reporting)) - 1) + [True]
    assert reporting.backend.only().services["S"].live == 5_000
    opened = [event for report in reporting.backend.received for event in report.opened if event.service == "S"]
    assert len(opened) == 5_000


def test_services_without_room_in_a_report_come_before_the_farewell(reporting: Server) -> None:
    settled(reporting)
    reporting.lua("""
        for number = 1, 600 do
            CM:RegisterConnection('Service' .. number, 'n', Quiet:Connect(print), 'Custom')
        end
    """)
    reporting.vm.close()
    reporting.pass_time(7)
    assert len(reporting.backend.only().services) >= 600
    assert farewells(reporting) == [False] * (len(farewells(reporting)) - 1) + [True]


def test_a_farewell_that_asks_for_a_resync_gets_it_and_another_farewell(reporting: Server) -> None:
    settled(reporting)
    register(reporting)
    reporting.backend.extra = {"resync": True}
    reporting.vm.close()
    reporting.pass_time(2)
    assert farewells(reporting) == [False, True, True]
    assert reporting.backend.received[-1].snapshot is not None


def test_orders_that_come_with_the_answer_to_the_farewell_are_answered_for(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.orders = [{"id": "ord_1", "connections": [[999, 5.0]]}]
    reporting.vm.close()
    reporting.pass_time(2)
    assert [outcome.gone for outcome in reporting.backend.received[-1].outcomes] == [[999]]
    assert farewells(reporting) == [False, True, True]


def test_a_farewell_without_an_answer_goes_out_again_byte_for_byte(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(fails=True))
    reporting.vm.close()
    reporting.pass_time(6)
    assert farewells(reporting) == [False, True]
    assert reporting.backend.bodies[1] == reporting.backend.bodies[2]


def test_closing_gives_up_in_time_when_nobody_answers(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(hangs=True)] * 20)
    reporting.lua("shared.done = false game:BindToClose(function() task.wait(9) shared.done = true end)")
    reporting.vm.close()
    reporting.pass_time(9.5)
    assert reporting.lua("return shared.done") is True
    assert len(reporting.backend.bodies) <= 3


def test_a_report_that_fails_to_be_written_does_not_end_the_flush(reporting: Server) -> None:
    settled(reporting)
    register(reporting)
    reporting.lua("""
        local classes = CM.core.registry.classes
        classes.totals = function()
            classes.totals = nil
            error('a fault')
        end
    """)
    reporting.vm.close()
    reporting.pass_time(8)
    assert farewells(reporting) == [False, True]
    assert "n" in {event.name for event in reporting.backend.only().registry.values()}
