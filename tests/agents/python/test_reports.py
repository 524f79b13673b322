"""What stands in reports, read with the wire's own decoder."""

import json
from pathlib import Path
from typing import Any

import pytest

from connmon.wire import codec, v1
from connmon_agent.reporter import Reporter
from connmon_agent.transports import Push, Response
from tests.agents.python.backend import Canned
from tests.agents.python.game import Game, Named, nothing

GOLDEN = Path(codec.__file__).parent / "golden"


def connect(game: Game, count: int, *, owner: str = "Combat", prefix: str = "n") -> None:
    """Registers `count` connections of `owner`."""
    signal = game.signal()
    for number in range(count):
        game.manager.register_connection(owner, f"{prefix}{number}", signal.connect(nothing), "RunService.Stepped")


def combat(game: Game) -> int:
    """How many connections of Combat the backend knows."""
    return sum(event.service == "Combat" for event in game.backend.known.registry.values())


def total(game: Game) -> int:
    """All live connections."""
    return game.manager.get_connection_stats().live


def test_the_first_report_is_a_snapshot_of_everything(reporting: Game) -> None:
    connect(reporting, 3)
    report = reporting.next_report()
    assert (report.seq, report.snapshot) == (1, v1.SnapshotPart(1, 1))
    assert {event.name for event in report.opened if event.service == "Combat"} == {"n0", "n1", "n2"}
    assert (report.server.id, report.server.place_id, report.server.place_version) == ("lobby-1", 1818, 142)
    assert report.server.agent == "connmon-python/0.1.0"
    assert report.opened[-1].site.startswith("tests.agents.python.test_reports:")


def test_later_reports_say_only_what_changed(reporting: Game) -> None:
    connect(reporting, 3)
    reporting.next_report()
    reporting.manager.unregister_connection("Combat", "n2")
    connect(reporting, 1, prefix="late")
    report = reporting.next_report()
    assert (report.snapshot, [event.name for event in report.opened], len(report.closed)) == (None, ["late0"], 1)
    assert [(c.name, c.live, c.opened, c.closed) for c in report.services] == [("Combat", 3, 4, 1)]


def test_a_quiet_report_names_no_service(reporting: Game) -> None:
    reporting.next_report()
    report = reporting.next_report()
    assert (report.services, report.opened, report.closed, report.changed, report.pools) == ([], [], [], [], [])
    assert len(reporting.backend.bodies[-1]) < 400


def test_what_opened_and_closed_between_two_reports_is_left_out(reporting: Game) -> None:
    reporting.next_report()
    connect(reporting, 5)
    reporting.manager.disconnect_all_for_owner("Combat")
    report = reporting.next_report()
    assert (report.opened, report.closed) == ([], [])
    assert [(c.opened, c.closed) for c in report.services] == [(5, 5)]


def test_a_new_state_is_reported_and_so_is_its_end(reporting: Game) -> None:
    player = reporting.join(261)
    reporting.manager.register_connection(player, "Combo", reporting.signal().connect(nothing), watch=True)
    reporting.pass_time(6)
    reporting.players.leave(player)
    reporting.pass_time(80)
    (combo,) = [event for event in reporting.backend.known.registry.values() if event.name == "Combo"]
    assert (combo.state, combo.owner, combo.owner_kind) == ("orphaned", "player:261", "player")
    reporting.manager.emergency_cleanup(states=["orphaned"])
    reporting.pass_time(6)
    assert combo.id not in reporting.backend.known.registry


def test_a_connection_first_sent_as_an_orphan_says_so(reporting: Game) -> None:
    reporting.next_report()
    reporting.backend.canned.extend([Canned(hangs=True)] * 3)
    reporting.manager.register_connection("player:5", "Late", reporting.signal().connect(nothing))
    reporting.pass_time(150)
    (late,) = [event for event in reporting.backend.known.registry.values() if event.name == "Late"]
    assert late.state == "orphaned"


def test_essential_and_players_are_reported(reporting: Game) -> None:
    reporting.join(1)
    reporting.manager.register_connection("S", "n", reporting.signal().connect(nothing), essential=True)
    report = reporting.next_report()
    assert ([event.essential for event in report.opened if event.service == "S"], report.players) == ([True], 1)


def test_pools_are_reported_when_they_change(reporting: Game) -> None:
    reporting.manager.connect_heartbeat(nothing, 1, "S")
    report = reporting.next_report()
    assert report.pools == [v1.PoolCounters("RunService.Heartbeat", size=1, in_use=1, hits=0, misses=1)]
    assert reporting.next_report().pools == []


def test_a_large_registry_comes_in_parts_of_at_most_a_thousand(reporting: Game) -> None:
    connect(reporting, 3_500)
    reporting.wait_for(lambda: reporting.backend.complete)
    parts = [report for report in reporting.backend.received if report.snapshot]
    assert [part.snapshot.part for part in parts if part.snapshot] == list(range(1, len(parts) + 1))
    assert all(len(part.opened) <= 1_000 for part in parts)
    assert len(reporting.backend.known.registry) == total(reporting)


@pytest.mark.parametrize("character", ['"', "é", "\u202e", "𝄞"])
def test_parts_with_long_names_stay_below_the_bodys_bound(reporting: Game, character: str) -> None:
    for number in range(1_200):
        connection = reporting.signal().connect(nothing)
        name = f"{number}{character * 128}"[:128]
        reporting.manager.register_connection(character * 120, name, connection, character * 64)
    reporting.wait_for(lambda: reporting.backend.complete)
    assert max(len(body) for body in reporting.backend.bodies) < v1.MAX_BODY
    assert len(reporting.backend.known.registry) == total(reporting)


def test_what_happens_during_a_snapshot_is_not_lost(reporting: Game) -> None:
    connect(reporting, 3_000)
    reporting.next_report()
    for number in range(0, 3_000, 7):
        reporting.manager.unregister_connection("Combat", f"n{number}")
    connect(reporting, 200, prefix="new")
    reporting.wait_for(lambda: reporting.backend.complete)
    reporting.pass_time(12)
    assert combat(reporting) == reporting.of("Combat").live == reporting.backend.known.services["Combat"].live


def test_a_resync_is_answered_with_a_snapshot(reporting: Game) -> None:
    connect(reporting, 3)
    reporting.next_report()
    reporting.backend.known.registry.clear()
    reporting.backend.extra = {"resync": True}
    reporting.next_report()
    report = reporting.next_report()
    assert report.snapshot == v1.SnapshotPart(1, 1)
    assert len(reporting.backend.known.registry) == total(reporting)
    assert {counters.name for counters in report.services} == {"Combat", "connmon"}


def test_many_openings_at_once_follow_in_several_reports(reporting: Game) -> None:
    reporting.next_report()
    connect(reporting, 4_000)
    reporting.wait_for(lambda: len(reporting.backend.known.registry) == total(reporting), seconds=30)
    reporting.manager.disconnect_all_for_owner("Combat")
    reporting.wait_for(lambda: len(reporting.backend.known.registry) == total(reporting), seconds=30)
    assert all(len(body) < v1.MAX_BODY for body in reporting.backend.bodies)


def test_openings_changes_and_closings_with_long_names_stay_below_the_bodys_bound(reporting: Game) -> None:
    reporting.next_report()
    player = reporting.join(1)
    for number in range(2_000):
        service = f"{number % 900:03}" + "é" * 125
        connection = reporting.signal().connect(nothing)
        reporting.manager.register_connection(player, f"n{number}", connection, service=service, watch=True)
    reporting.wait_for(lambda: len(reporting.backend.known.registry) == total(reporting), seconds=60)
    reporting.players.leave(player)
    reporting.pass_time(120)
    states = {event.state for event in reporting.backend.known.registry.values() if event.owner == "player:1"}
    reporting.manager.disconnect_all_for_owner(player)
    reporting.wait_for(lambda: len(reporting.backend.known.registry) == total(reporting), seconds=60)
    assert states == {"orphaned"}
    assert reporting.backend.received[-1].dropped == 0
    assert max(len(body) for body in reporting.backend.bodies) < v1.MAX_BODY


def test_more_closings_than_are_kept_end_in_a_snapshot(reporting: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connmon_agent.recorder.MAX_CLOSED", 500)
    connect(reporting, 900)
    reporting.wait_for(lambda: reporting.backend.complete)
    reporting.manager.disconnect_all_for_owner("Combat")
    report = reporting.next_report()
    assert (report.snapshot, report.closed, report.dropped) == (v1.SnapshotPart(1, 1), [], 1)
    assert len(reporting.backend.known.registry) == total(reporting)


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
        "\ud800",
        "\0",
    ],
    ids=ascii,
)
def test_any_name_reaches_the_backend_in_a_form_it_takes(reporting: Game, name: str) -> None:
    reporting.manager.register_connection(name, name, reporting.signal().connect(nothing), name)
    reporting.manager.register_connection(Named(name), name, reporting.signal().connect(nothing), name, service=name)
    reporting.manager.get_pooled_connection(name, reporting.signal(), nothing)
    report = reporting.next_report()
    assert len([event for event in report.opened if event.service != "connmon"]) == 2


def test_long_names_that_are_cut_to_the_same_are_one_service(reporting: Game) -> None:
    for ending in ("a", "b"):
        reporting.manager.register_connection("x" * 200 + ending, "n", reporting.signal().connect(nothing))
    report = reporting.next_report()
    assert [counters.live for counters in report.services if counters.name == "x" * 128] == [2]


def test_more_pools_than_a_report_takes_follow_in_the_next(reporting: Game) -> None:
    for start in (0, 50):
        types = [f"T{number}" for number in range(start, start + 50)]
        reporting.manager.configuration.set("CONNECTION_POOLS", "POOL_TYPES", types)
        for kind in types:
            reporting.manager.get_pooled_connection(kind, reporting.signal(), nothing)
    assert [len(reporting.next_report().pools) for _ in range(2)] == [64, 36]


def test_openings_moments_travel_unchanged(reporting: Game) -> None:
    reporting.clock.time += 0.123456
    connect(reporting, 1)
    report = reporting.next_report()
    assert [event.at for event in report.opened if event.service == "Combat"] == [1_763_870_000.123]


@pytest.mark.parametrize(
    "memory",
    [(float("nan"), float("inf")), (-1, 2e9), ("many", True), (None, None)],
)
def test_memory_that_is_no_number_is_left_out(reporting: Game, memory: Any) -> None:
    reporting.host.memory = lambda: memory  # type: ignore[method-assign]
    assert reporting.next_report().memory == v1.Memory(None, None)


def test_memory_that_is_known_in_part_is_sent_in_part(reporting: Game) -> None:
    reporting.host.memory = lambda: (None, 12.25)  # type: ignore[method-assign]
    assert reporting.next_report().memory == v1.Memory(None, 12.25)


def test_a_host_that_fails_is_reported_without_what_it_does_not_say(reporting: Game) -> None:
    def fail() -> Any:
        raise OSError("engine fault")

    reporting.host.memory = fail  # type: ignore[method-assign]
    reporting.host.player_count = fail  # type: ignore[method-assign]
    assert reporting.next_report().players == 0
    assert reporting.logged("engine fault") == 2


def test_a_thousand_services_fit_into_reports(reporting: Game) -> None:
    for number in range(1_100):
        reporting.manager.register_connection(f"Service{number}" + "x" * 100, "n", reporting.signal().connect(nothing))
    reporting.wait_for(lambda: len(reporting.backend.known.services) == 1_000 if reporting.backend.boots else False)
    assert all(len(body) < v1.MAX_BODY for body in reporting.backend.bodies)


def test_many_changes_of_state_are_all_told(reporting: Game) -> None:
    player = reporting.join(1)
    for number in range(3_000):
        connection = reporting.signal().connect(nothing)
        reporting.manager.register_connection(player, f"n{number}", connection, service="Combat", watch=True)
    reporting.wait_for(lambda: reporting.backend.complete)
    reporting.players.leave(player)
    reporting.pass_time(90)
    assert {event.state for event in reporting.backend.known.registry.values() if event.service == "Combat"} == {
        "orphaned"
    }
    assert reporting.backend.known.services["Combat"].orphaned == 3_000


def fields_of(value: object, path: str = "$") -> set[str]:
    """Paths of all object fields in a JSON value; list items share one path."""
    if isinstance(value, dict):
        return {f"{path}.{key}" for key in value}.union(
            *(fields_of(item, f"{path}.{key}") for key, item in value.items())
        )
    if isinstance(value, list):
        return set().union(*(fields_of(item, f"{path}[]") for item in value))
    return set()


def test_reports_have_the_golden_files_fields_and_no_other(reporting: Game) -> None:
    reporting.host.memory = lambda: (812.5, 12.25)  # type: ignore[method-assign]
    reporting.backend.extra = {"orders": [{"id": "ord_1", "connections": [[99_999, 1.0]]}]}
    reporting.manager.connect_heartbeat(nothing, 1, "S", essential=True)
    reporting.manager.register_connection("player:5", "Late", reporting.signal().connect(nothing))
    reporting.pass_time(70)
    reporting.manager.disconnect_all_for_owner("S")
    reporting.manager.connect_heartbeat(nothing, 0, "S")
    reporting.tick(0.1)
    reporting.pass_time(10)
    reporting.close()
    sent = set().union(*(fields_of(json.loads(body)) for body in reporting.backend.bodies))
    golden = set().union(*(fields_of(json.loads(path.read_bytes())) for path in GOLDEN.glob("report_*.json")))
    assert sent - golden == set()
    assert golden - sent == {"$.opened[].state", "$.outcomes[].detail"}


@pytest.mark.parametrize("name", ["answer", "answer_order", "answer_resync"])
def test_golden_answers_are_understood(name: str) -> None:
    game = Game()
    reporter = Reporter(game.manager.core, game.manager.pools, game.clock.time)
    game.clock.time += 3
    request = reporter.next_request(game.clock.time)
    assert request is not None
    answer = {**json.loads((GOLDEN / f"{name}.json").read_bytes()), "ack": 1}
    reporter.on_response(Response(request.token, 200, json.dumps(answer).encode()), game.clock.time)
    assert (reporter.counters.acknowledged, reporter.in_flight) == (1, False)
    request = reporter.next_request(game.clock.time + 12)
    assert request is not None
    report = codec.decode_report(request.body)
    assert (report.seq, report.snapshot is not None) == (2, answer["resync"])
    assert report.config_revision == (answer["config"] or {"revision": 0})["revision"]
    assert [outcome.gone for outcome in report.outcomes] == ([[1790, 1688]] if answer["orders"] else [])


def test_the_golden_problem_starts_a_new_boot() -> None:
    game = Game()
    reporter = Reporter(game.manager.core, game.manager.pools, game.clock.time)
    request = reporter.next_request(game.clock.time + 3)
    assert request is not None
    problem = (GOLDEN / "problem.json").read_bytes()
    reporter.on_response(Response(request.token, json.loads(problem)["status"], problem), game.clock.time)
    again = reporter.next_request(game.clock.time + 3)
    assert again is not None
    boots = {codec.decode_report(one.body).server.boot for one in (request, again)}
    assert len(boots) == 2
    assert game.logged("Seq 17 was taken with another body.") == 1


def test_orders_that_come_unasked_are_carried_out_and_reported_at_once(reporting: Game) -> None:
    connect(reporting, 1)
    reporting.backend.interval = 300
    reporting.next_report()
    (event,) = [event for event in reporting.backend.known.registry.values() if event.service == "Combat"]
    order = {**json.loads((GOLDEN / "orders.json").read_bytes())}
    order["orders"][0]["connections"][0] = [event.id, event.at]
    reporting.transport.inbox.put(Push(json.dumps(order).encode()))
    reporting.pass_time(2)
    (outcome,) = reporting.backend.received[-1].outcomes
    assert (outcome.order, outcome.closed, outcome.gone) == ("ord_1", [event.id], [1688])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"kind":"hello"}',
        b"\xff",
        b'{"kind":"ack","orders":5}',
        b'{"kind":"orders"}',
        b'{"kind":"orders","orders":{"id":"x"}}',
        b'{"kind":"orders","orders":[null,5,{"id":7,"connections":[]}]}',
    ],
)
def test_what_comes_unasked_and_says_nothing_is_passed_over(reporting: Game, body: bytes) -> None:
    reporting.next_report()
    reporting.transport.inbox.put(Push(body))
    reporting.next_report()
    assert reporting.log == []
