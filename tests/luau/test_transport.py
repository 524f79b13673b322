"""Sending when things go wrong: the same bytes again, later and later, and never at the game's expense."""

import json
from itertools import pairwise

import pytest

from connmon.wire import codec, v1
from luauvm import VM, VMOptions
from tests.luau.backend import Canned
from tests.luau.conftest import Server


def settled(server: Server) -> Server:
    """Lets the first report be acknowledged."""
    server.wait_for(lambda: len(server.backend.received) == 1)
    return server


def status(server: Server) -> dict[str, int]:
    """connmon.status()."""
    result: dict[str, int] = server.lua("return connmon.status()")
    return result


FAILURES = {
    "unreachable": Canned(fails=True),
    "silent": Canned(hangs=True),
    "503": Canned(503),
    "500 with a page": Canned(500, b"<html>oops</html>"),
    "408": Canned(408),
    "429": Canned(429, headers={"Retry-After": "3"}),
    "200 with a page": Canned(200, b"<html>log in to this network</html>"),
    "200 with nothing": Canned(200, b""),
    "200 with null": Canned(200, b"null"),
    "200 with a list": Canned(200, b"[]"),
    "200 for another seq": Canned(200, b'{"kind":"ack","ack":7000,"resync":false,"interval":5}'),
    "a redirect": Canned(302),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_report_is_sent_again_byte_for_byte(reporting: Server, failure: Canned) -> None:
    settled(reporting)
    reporting.backend.canned.extend([failure] * 3)
    reporting.lua("CM:RegisterConnection('S', 'n', Quiet:Connect(print), 'Custom')")
    reporting.wait_for(lambda: len(reporting.backend.bodies) >= 5)
    retries = reporting.backend.bodies[1:5]
    assert len(set(retries)) == 1
    assert [report.seq for report in reporting.backend.received] == [1, 2]
    assert status(reporting)["dropped"] == 0


def test_requests_that_fail_are_said_once_in_the_log(reporting: Server) -> None:
    reporting.backend.canned.extend([Canned(fails=True)] * 5)
    reporting.wait_for(lambda: bool(reporting.backend.received))
    said = [text for _, text in reporting.vm.output if "did not get out and will be sent again" in text]
    assert len(said) == 1
    assert said[0].endswith("HttpError: ConnectFail")


def test_waits_grow_and_are_random(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(503)] * 12)
    times: list[float] = []
    for _ in range(4_000):
        before = len(reporting.backend.bodies)
        reporting.pass_time(0.25)
        if len(reporting.backend.bodies) > before:
            times.append(reporting.vm.now)
        if len(times) == 13:
            break
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len({round(wait, 1) for wait in waits}) > 5
    assert max(waits) <= 61
    assert sum(waits[:4]) < 32
    assert sum(waits[6:]) > sum(waits[:6])


def test_retry_after_is_honoured(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(429, headers={"retry-after": "90"}))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 2)
    reporting.pass_time(88)
    assert len(reporting.backend.bodies) == 2
    reporting.pass_time(4)
    assert len(reporting.backend.bodies) == 3


def test_only_one_report_is_on_its_way(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(hangs=True))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 2)
    reporting.pass_time(20)
    assert len(reporting.backend.bodies) == 2


def test_an_answer_that_comes_after_its_deadline_is_not_heard() -> None:
    server = Server(VMOptions())
    server.start()
    server.vm.advance(3, fps=10)
    late = server.vm.requests.popleft()
    server.vm.advance(40, fps=10)
    again = server.vm.requests.popleft()
    assert again.body == late.body
    server.vm.respond(late, 200, b'{"kind":"ack","ack":1,"resync":false,"interval":5}')
    assert status(server)["acknowledged"] == 0
    server.vm.respond(again, 200, b'{"kind":"ack","ack":1,"resync":false,"interval":5}')
    assert status(server)["acknowledged"] == 1
    server.check_quiet()


def test_requests_that_never_come_back_do_not_pile_up(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(hangs=True)] * 50)
    reporting.pass_time(1_200, fps=2)
    assert len(reporting.backend.bodies) == 5


@pytest.mark.parametrize("code", [400, 422])
def test_a_refused_report_is_dropped_counted_and_followed_by_a_snapshot(reporting: Server, code: int) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(code, b'{"code":"invalid-report","detail":"no"}'))
    reporting.wait_for(lambda: len(reporting.backend.received) == 2)
    report = reporting.backend.received[1]
    assert (report.seq, report.dropped) == (2, 1)
    assert report.snapshot is not None
    assert sum("refused a report" in text for _, text in reporting.vm.output) == 1


def test_reports_refused_in_a_row_come_later_each_time(reporting: Server) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(422)] * 5)
    reporting.pass_time(5 + 5 + 10 + 20 + 3)
    assert len(reporting.backend.bodies) in {4, 5}


@pytest.mark.parametrize("code", ["seq-conflict", "seq-behind", "boot-superseded"])
def test_a_conflict_starts_a_new_boot_with_a_snapshot(reporting: Server, code: str) -> None:
    reporting.lua("""
        for i = 1, 5 do CM:RegisterConnection('S', 'n' .. i, Quiet:Connect(print), 'Custom') end
        CM:UnregisterConnection('S', 'n1')
    """)
    settled(reporting)
    boot = reporting.backend.only().boot
    reporting.backend.canned.append(Canned(409, json.dumps({"code": code}).encode()))
    reporting.wait_for(lambda: len(reporting.backend.received) == 2)
    report = reporting.backend.received[1]
    assert report.server.boot != boot
    assert (report.seq, report.snapshot is not None, report.dropped) == (1, True, 1)
    (counters,) = [counters for counters in report.services if counters.name == "S"]
    assert (counters.opened, counters.closed, counters.live) == (4, 0, 4)


def test_a_body_too_large_is_followed_by_smaller_parts(reporting: Server) -> None:
    reporting.lua("""
        for i = 1, 900 do
            CM:RegisterConnection('S', 'n' .. i, Quiet:Connect(print), 'Custom')
        end
    """)
    reporting.backend.canned.extend([Canned(413), Canned(413)])
    reporting.wait_for(lambda: bool(reporting.backend.servers) and reporting.backend.only().complete)
    assert len(reporting.backend.received[0].opened) <= 250
    assert len(reporting.backend.only().registry) == reporting.stats()["Live"]


@pytest.mark.parametrize("code", [401, 403, 405, 415])
def test_a_wrong_key_is_tried_once_a_minute_and_said_once(reporting: Server, code: int) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(code, b'{"detail":"This key is unknown."}')] * 10)
    reporting.pass_time(5 * 60)
    assert 4 <= len(reporting.backend.bodies) - 1 <= 6
    assert sum("This key is unknown." in text for _, text in reporting.vm.output) == 1


def test_the_interval_is_the_backends_to_say(reporting: Server) -> None:
    reporting.backend.interval = 20
    settled(reporting)
    reporting.pass_time(18)
    assert len(reporting.backend.received) == 1
    reporting.pass_time(5)
    assert len(reporting.backend.received) == 2
    assert reporting.backend.received[1].interval == 20


def test_the_games_own_bound_caps_the_interval() -> None:
    server = Server(VMOptions())
    server.backend.interval = 300
    server.lua("connmon.start({ Url = 'http://backend', Key = 'k', Interval = 2, MaxInterval = 2 })")
    server.pass_time(20)
    assert 8 <= len(server.backend.received) <= 12


@pytest.mark.parametrize("interval", ["-1", "0", "1e999", '"soon"', "null", "{}"])
def test_a_nonsense_interval_changes_nothing(interval: str) -> None:
    server = Server(VMOptions())
    server.start()
    server.vm.advance(3, fps=10)
    request = server.vm.requests.popleft()
    server.vm.respond(request, 200, b'{"kind":"ack","ack":1,"resync":false,"interval":%s}' % interval.encode())
    server.vm.advance(8, fps=10)
    assert not server.vm.requests
    server.vm.advance(4, fps=10)
    assert len(server.vm.requests) == 1


def test_a_key_from_the_games_secrets_is_sent_as_bearer() -> None:
    server = Server(VMOptions(secrets={"connmon": "cm_7_hidden"}))
    server.lua("""
        connmon.start({ Url = 'http://backend', Key = game:GetService('HttpService'):GetSecret('connmon') })
    """)
    server.vm.advance(3, fps=10)
    assert server.vm.requests[0].headers["Authorization"] == "Bearer cm_7_hidden"


def test_start_says_what_it_takes() -> None:
    server = Server(VMOptions())
    ok, message = server.lua("return pcall(connmon.start, { Url = 'http://backend' })")
    assert not ok
    assert "Key = report key" in message


def test_a_message_of_the_backend_brings_the_report_at_once(reporting: Server) -> None:
    reporting.backend.interval = 300
    settled(reporting)
    reporting.pass_time(5)
    reporting.lua("game:GetService('MessagingService'):PublishAsync('cm:' .. game.JobId, 'report')")
    reporting.pass_time(1.5)
    assert len(reporting.backend.received) == 2


def test_jobs_without_an_id_get_one() -> None:
    server = Server(VMOptions(job_id=""))
    server.start()
    server.wait_for(lambda: bool(server.backend.received))
    assert server.backend.received[0].server.id.startswith("studio-")


def test_a_host_that_does_not_say_its_memory_or_players_is_reported_without(reporting: Server) -> None:
    settled(reporting)
    reporting.lua("""
        game:GetService('Stats').GetTotalMemoryUsageMb = function() error('engine fault') end
        CM.core.host.playerCount = function() error('another fault') end
    """)
    reporting.pass_time(40)
    assert len(reporting.backend.received) > 2
    last = reporting.backend.received[-1]
    assert (last.players, last.memory) == (0, v1.Memory())
    said = [text for _, text in reporting.vm.output]
    assert [sum(fault in text for text in said) for fault in ("engine fault", "another fault")] == [1, 1]


def test_what_a_report_that_failed_to_be_written_had_to_say_comes_with_a_snapshot(reporting: Server) -> None:
    settled(reporting)
    reporting.lua("CM:RegisterConnection('S', 'old', Quiet:Connect(print), 'Custom')")
    reporting.wait_for(lambda: "S" in reporting.backend.only().services)
    reporting.lua("""
        CM:RegisterConnection('S', 'new', Quiet:Connect(print), 'Custom')
        CM:UnregisterConnection('S', 'old')
        local classes = CM.core.registry.classes
        classes.totals = function()
            classes.totals = nil
            error('a fault')
        end
    """)
    reporting.wait_for(lambda: any("a fault" in text for _, text in reporting.vm.output))
    reporting.pass_time(10)
    names = {event.name for event in reporting.backend.only().registry.values() if event.service == "S"}
    assert names == {"new"}
    assert reporting.backend.only().services["S"].live == 1


def decode_all(vm: VM) -> list[int]:
    """Sequence numbers of the waiting requests."""
    return [codec.decode_report(request.body).seq for request in vm.requests]


def test_nothing_is_sent_before_start() -> None:
    server = Server(VMOptions())
    server.vm.advance(30, fps=10)
    assert decode_all(server.vm) == []
