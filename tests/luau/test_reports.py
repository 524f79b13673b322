"""What stands in reports, read with the wire's own decoder."""

import json
from pathlib import Path

import pytest

from connmon.wire import codec, v1
from luauvm import VMOptions
from tests.luau.conftest import Server

GOLDEN = Path(codec.__file__).parent / "golden"


def connect(server: Server, count: int, *, owner: str = "Combat", prefix: str = "n") -> None:
    """Registers `count` connections of `owner`."""
    server.lua(
        """
        local count, owner, prefix = ...
        for i = 1, count do
            CM:RegisterConnection(owner, prefix .. i, Quiet:Connect(print), 'RunService.Stepped')
        end
        """,
        count,
        owner,
        prefix,
    )


def next_report(server: Server) -> v1.Report:
    """The next report the backend takes."""
    before = len(server.backend.received)
    server.wait_for(lambda: len(server.backend.received) > before)
    return server.backend.received[before]


def test_the_first_report_is_a_snapshot_of_everything(reporting: Server) -> None:
    connect(reporting, 3)
    report = next_report(reporting)
    assert (report.seq, report.snapshot) == (1, v1.SnapshotPart(1, 1))
    assert {event.name for event in report.opened if event.service == "Combat"} == {"n1", "n2", "n3"}
    assert report.server.id == reporting.vm.options.job_id
    assert (report.server.place_id, report.server.place_version) == (1818, 142)


def test_later_reports_say_only_what_changed(reporting: Server) -> None:
    connect(reporting, 3)
    next_report(reporting)
    reporting.lua("CM:UnregisterConnection('Combat', 'n2')")
    connect(reporting, 1, prefix="late")
    report = next_report(reporting)
    assert report.snapshot is None
    assert [event.name for event in report.opened] == ["late1"]
    assert len(report.closed) == 1
    assert [(counters.name, counters.live, counters.opened, counters.closed) for counters in report.services] == [
        ("Combat", 3, 4, 1)
    ]


def test_a_quiet_report_names_no_service(reporting: Server) -> None:
    next_report(reporting)
    report = next_report(reporting)
    assert (report.services, report.opened, report.closed, report.changed) == ([], [], [], [])
    assert len(reporting.backend.bodies[-1]) < 400


def test_what_opened_and_closed_between_two_reports_is_left_out(reporting: Server) -> None:
    next_report(reporting)
    connect(reporting, 5)
    reporting.lua("CM:DisconnectAllForOwner('Combat')")
    report = next_report(reporting)
    assert (report.opened, report.closed) == ([], [])
    assert [(counters.opened, counters.closed) for counters in report.services] == [(5, 5)]


def test_a_new_state_is_reported_and_so_is_its_end(reporting: Server) -> None:
    reporting.lua("""
        CM:ConnectPlayerEvent('PlayerAdded', function(player)
            CM:RegisterConnection(player, 'Combo', Quiet:Connect(print), 'Custom', { Watch = true })
        end, 'Combat')
    """)
    reporting.vm.join("Ann", 261)
    reporting.pass_time(6)
    reporting.vm.leave(261)
    reporting.pass_time(80)
    (combo,) = [event for event in reporting.backend.only().registry.values() if event.name == "Combo"]
    assert (combo.state, combo.owner, combo.owner_kind) == ("orphaned", "player:261", "player")
    reporting.lua("CM:EmergencyCleanup({ States = { 'orphaned' } })")
    reporting.pass_time(6)
    assert combo.id not in reporting.backend.only().registry


def test_a_connection_first_sent_as_an_orphan_says_so(reporting: Server) -> None:
    next_report(reporting)
    reporting.lua("CM:RegisterConnection('player:5', 'Late', Quiet:Connect(print), 'Custom')")
    reporting.vm.advance(70, fps=2)  # no answer meanwhile: the opening waits for its report
    reporting.wait_for(
        lambda: any(
            event.name == "Late" and event.state == "orphaned" for event in reporting.backend.only().registry.values()
        )
    )


def test_essential_is_reported(reporting: Server) -> None:
    reporting.lua("CM:RegisterConnection('S', 'n', Quiet:Connect(print), 'Custom', { Essential = true })")
    report = next_report(reporting)
    assert [event.essential for event in report.opened if event.service == "S"] == [True]


def test_a_large_registry_comes_in_parts_of_at_most_a_thousand(reporting: Server) -> None:
    connect(reporting, 3_500)
    next_report(reporting)
    reporting.wait_for(lambda: reporting.backend.only().complete)
    parts = [report for report in reporting.backend.received if report.snapshot]
    assert [part.snapshot.part for part in parts if part.snapshot] == list(range(1, len(parts) + 1))
    assert all(len(part.opened) <= 1_000 for part in parts)
    assert all(len(body) < v1.MAX_BODY for body in reporting.backend.bodies)
    assert len(reporting.backend.only().registry) == reporting.stats()["Live"]


def test_parts_with_long_names_stay_below_the_bodys_bound(reporting: Server) -> None:
    reporting.lua("""
        local long = string.rep('"', 128)
        for i = 1, 1200 do
            local name = string.sub(i .. long, 1, 128)
            CM:RegisterConnection(string.rep('o', 120), name, Quiet:Connect(print), string.rep('t', 64))
        end
    """)
    reporting.wait_for(lambda: bool(reporting.backend.servers) and reporting.backend.only().complete)
    assert max(len(body) for body in reporting.backend.bodies) < v1.MAX_BODY
    assert len(reporting.backend.only().registry) == reporting.stats()["Live"]


def test_what_happens_during_a_snapshot_is_not_lost(reporting: Server) -> None:
    connect(reporting, 3_000)
    next_report(reporting)
    reporting.lua("for i = 1, 3000, 7 do CM:UnregisterConnection('Combat', 'n' .. i) end")
    connect(reporting, 200, prefix="new")
    reporting.wait_for(lambda: reporting.backend.only().complete)
    reporting.pass_time(12)
    live = reporting.lua("return CM:GetConnectionStats().Services.Combat.Live")
    registry = reporting.backend.only().registry.values()
    assert sum(event.service == "Combat" for event in registry) == live
    assert reporting.backend.only().services["Combat"].live == live


def test_a_resync_is_answered_with_a_snapshot(reporting: Server) -> None:
    connect(reporting, 3)
    next_report(reporting)
    known = reporting.backend.only()
    known.registry.clear()
    reporting.backend.ask_resync = True
    next_report(reporting)
    report = next_report(reporting)
    assert report.snapshot == v1.SnapshotPart(1, 1)
    assert len(known.registry) == reporting.stats()["Live"]
    assert {counters.name for counters in report.services} == {"Combat", "connmon"}


def test_many_openings_at_once_follow_in_several_reports(reporting: Server) -> None:
    next_report(reporting)
    connect(reporting, 4_000)
    reporting.wait_for(lambda: len(reporting.backend.only().registry) == reporting.stats()["Live"], seconds=30)
    assert all(len(body) < v1.MAX_BODY for body in reporting.backend.bodies)
    reporting.lua("CM:DisconnectAllForOwner('Combat')")
    reporting.wait_for(lambda: len(reporting.backend.only().registry) == reporting.stats()["Live"], seconds=30)


def test_more_closings_than_are_kept_end_in_a_snapshot(reporting: Server) -> None:
    connect(reporting, 21_000)
    next_report(reporting)
    reporting.wait_for(lambda: reporting.backend.only().complete, seconds=120)
    reporting.lua("CM:DisconnectAllForOwner('Combat')")
    reporting.wait_for(lambda: len(reporting.backend.only().registry) == reporting.stats()["Live"], seconds=60)
    assert reporting.backend.received[-1].snapshot is not None
    assert reporting.backend.received[-1].dropped == 1


@pytest.mark.parametrize(
    "name",
    [
        'say "hi"',
        "back\\slash",
        "tab\tand\nline",
        "\x7f",
        "näme",
        "日本語",
        "\u202egnp.exe",
        "\x85",
        "x" * 500,
        "é" * 200,
    ],
)
def test_any_name_reaches_the_backend_in_a_form_it_takes(reporting: Server, name: str) -> None:
    reporting.lua(
        """
        local name = ...
        CM:RegisterConnection(name, name, Quiet:Connect(print), name)
        CM:RegisterConnection({ Name = name }, name, Quiet:Connect(print), name, { Service = name })
        """,
        name,
    )
    report = next_report(reporting)
    assert len([event for event in report.opened if event.service != "connmon"]) == 2


def test_a_name_that_is_not_utf8_reaches_the_backend(reporting: Server) -> None:
    reporting.lua(r"CM:RegisterConnection('a\255b', 'c\254', Quiet:Connect(print), 'd\200')")
    report = next_report(reporting)
    assert [event.name for event in report.opened if event.service == "a?b"] == ["c?"]


def test_openings_moments_travel_unchanged(reporting: Server) -> None:
    reporting.vm.frame(0.123456)
    connect(reporting, 1)
    report = next_report(reporting)
    (event,) = [event for event in report.opened if event.service == "Combat"]
    assert event.at == round(event.at, 3)
    assert event.at == pytest.approx(reporting.vm.options.epoch + 0.123, abs=0.0006)


def test_memory_that_is_no_number_is_left_out(reporting: Server) -> None:
    reporting.lua("""
        local stats = game:GetService('Stats')
        stats.GetTotalMemoryUsageMb = function() return 0 / 0 end
        stats.GetMemoryUsageMbForTag = function() return math.huge end
    """)
    report = next_report(reporting)
    assert report.memory == v1.Memory(None, None)


def fields_of(value: object, path: str = "$") -> set[str]:
    """Paths of all object fields in a JSON value; list items share one path."""
    if isinstance(value, dict):
        return {f"{path}.{key}" for key in value}.union(
            *(fields_of(item, f"{path}.{key}") for key, item in value.items())
        )
    if isinstance(value, list):
        return set().union(*(fields_of(item, f"{path}[]") for item in value))
    return set()


def test_reports_have_the_golden_files_fields_and_no_other(reporting: Server) -> None:
    reporting.backend.orders = [{"id": "ord_1", "connections": [[99_999, 1.0]]}]
    reporting.lua("""
        CM:RegisterConnection('S', 'n', Quiet:Connect(print), 'Custom', { Essential = true })
        CM:RegisterConnection('player:5', 'Late', Quiet:Connect(print), 'Custom')
    """)
    reporting.pass_time(70)
    reporting.lua("CM:UnregisterConnection('S', 'n')")
    reporting.lua("CM:ConnectHeartbeat(function() end, 0, 'S')")
    reporting.pass_time(10)
    reporting.vm.close()
    reporting.pass_time(1)
    sent = set().union(*(fields_of(json.loads(body)) for body in reporting.backend.bodies))
    golden = set().union(*(fields_of(json.loads(path.read_bytes())) for path in GOLDEN.glob("report_*.json")))
    not_sent = {"$.opened[].state", "$.outcomes[].detail"}
    assert sent - golden == set()
    assert golden - sent - not_sent == set()


@pytest.mark.parametrize("name", ["answer", "answer_order", "answer_resync"])
def test_golden_answers_are_understood(name: str) -> None:
    server = Server(VMOptions())
    server.start()
    server.vm.advance(3, fps=10)
    answer = json.loads((GOLDEN / f"{name}.json").read_bytes())
    server.vm.respond(server.vm.requests.popleft(), 200, json.dumps({**answer, "ack": 1}).encode())
    status = server.lua("return connmon.status()")
    assert (status["acknowledged"], status["inFlight"]) == (1, False)
    server.vm.advance(12, fps=10)
    report = codec.decode_report(server.vm.requests.popleft().body)
    assert report.seq == 2
    assert (report.snapshot is not None) == answer["resync"]
    assert report.config_revision == (answer["config"] or {"revision": 0})["revision"]
    assert [outcome.gone for outcome in report.outcomes] == ([[1790, 1688]] if answer["orders"] else [])
    server.check_quiet()
