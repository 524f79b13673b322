"""The verdict finds what it is there to find."""

from __future__ import annotations

import random
from typing import Any

import pytest

from bench.chaos.faults import SHORT, STORM, make_schedule
from bench.chaos.gameserver import Executed, GameServer, Ledger
from bench.chaos.proxy import Requests
from bench.chaos.verdict import (
    Findings,
    compare_counters,
    compare_orders,
    compare_positions,
    compare_registries,
    connections_of,
)
from bench.chaos.watch import Audit, Readiness
from connmon.core.ids import server_key

GAME = 7


@pytest.fixture
def server() -> GameServer:
    found = GameServer("s", Ledger(), random.Random(1))
    found.live_on(1_000.0)
    return found


def number_of(server: GameServer) -> int:
    return server_key(GAME, *server.key)


def mismatches(server: GameServer, held: dict[int, Any]) -> int:
    found = Findings()
    compare_registries([server], held, GAME, found)
    return found.mismatches


def test_equal_registries_are_no_finding(server: GameServer) -> None:
    assert mismatches(server, {number_of(server): connections_of(server)}) == 0


def test_a_missing_a_foreign_and_an_altered_connection_are_found(server: GameServer) -> None:
    own = connections_of(server)
    first = next(iter(own))
    assert mismatches(server, {number_of(server): {key: own[key] for key in own if key != first}}) == 1
    assert mismatches(server, {number_of(server): own | {("CombatService", 99_999): own[first]}}) == 1
    assert mismatches(server, {number_of(server): own | {first: (0.0, *own[first][1:])}}) == 1
    assert mismatches(server, {}) == 1


def test_connections_of_an_ended_server_are_found(server: GameServer) -> None:
    own = connections_of(server)
    assert mismatches(server, {number_of(server): own, 1: own}) == 1


def test_wrong_counters_are_found(server: GameServer) -> None:
    live = [one.service for one in server.connections.values()]
    right = {name: (opened, closed, live.count(name)) for name, (opened, closed) in server.counters.items()}
    for held, expected in ((right, 0), (right | {"LootService": (0, 0, 99)}, 1)):
        found = Findings()
        compare_counters([server], {number_of(server): held}, GAME, found)
        assert found.mismatches == expected


@pytest.mark.parametrize(
    ("held", "running", "lost"),
    [((5, 50), True, 0), ((4, 40), True, 1), ((5, 51), True, 1), ((6, 60), False, 0), ((4, 40), False, 1)],
)
def test_an_acknowledged_report_that_is_not_held_is_lost(held: tuple[int, int], running: bool, lost: int) -> None:
    ledger, found = Ledger(last={("s", "b"): (5, 50)}), Findings()
    compare_positions(ledger, {("s", "b")} if running else set(), {server_key(GAME, "s", "b"): held}, GAME, found)
    assert found.lost == lost


def orders(ledger: Ledger, *, state: str = "done", closed: list[int], told: set[str]) -> Findings:
    found = Findings()
    rows = {"ord_1": (server_key(GAME, "s", "b"), state, closed, list[int](), list[int]())}
    compare_orders(ledger, rows, told, GAME, found)
    return found


def one_order(**values: Any) -> Ledger:
    ledger = Ledger(outcomes={"ord_1": Executed(("s", "b"), (1, 2), (), ())}, told={"ord_1"}, **values)
    ledger.executions["ord_1"] += 1
    return ledger


def test_an_order_whose_outcome_is_known_as_it_was_told_is_no_finding() -> None:
    found = orders(one_order(), closed=[2, 1], told={"ord_1"})
    assert (found.lost, found.executed_twice) == (0, 0)


def test_an_outcome_that_is_missing_or_another_is_lost() -> None:
    assert orders(one_order(), closed=[1], told={"ord_1"}).lost == 1
    assert orders(one_order(), state="expired", closed=[], told={"ord_1"}).lost == 1
    assert orders(one_order(), closed=[1, 2], told=set()).lost == 1
    assert orders(Ledger(), closed=[1, 2], told=set()).lost == 1


def test_an_order_that_was_carried_out_twice_is_found() -> None:
    ledger = one_order()
    ledger.executions["ord_1"] += 1
    assert orders(ledger, closed=[1, 2], told={"ord_1"}).executed_twice == 1
    ledger = one_order()
    ledger.outcomes["ord_2"] = Executed(("s", "b"), (2,), (), ())
    assert orders(ledger, closed=[1, 2], told={"ord_1"}).executed_twice == 1


def test_the_audit_finds_what_is_committed_no_more() -> None:
    audit = Audit()
    audit.compare({("s", "b"): 5, ("t", "b"): 3}, {server_key(GAME, "s", "b"): 5}, GAME)
    assert audit.behind == {("t", "b")}


def test_an_outage_counts_from_its_last_fault() -> None:
    readiness = Readiness()
    readiness.note_fault("kill web", 100.0)
    readiness.note_look(101.0, ready=False)
    readiness.note_fault("kill postgres", 104.0)
    readiness.note_look(105.0, ready=False)
    readiness.note_look(110.0, ready=True)
    assert (readiness.longest, readiness.longest_after, readiness.outages) == (6.0, "kill postgres", 1)


def test_the_schedule_follows_its_seed_and_leaves_nothing_out() -> None:
    first, again = (make_schedule(SHORT, random.Random(3), own_disk=True) for _ in range(2))
    assert first == again != make_schedule(SHORT, random.Random(4), own_disk=True)
    assert first[0] == (0.0, STORM)
    assert {name for _, name in first} >= {"kill web", "kill postgres", "kill supervisor", "disk full", "migration"}
    assert "disk full" not in {name for _, name in make_schedule(SHORT, random.Random(3), own_disk=False)}


def test_the_proxy_cuts_a_stream_into_whole_requests() -> None:
    one = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    requests = Requests()
    stream = one + one + one[:-1]
    found = [request for at in range(0, len(stream), 7) for request in requests.feed(stream[at : at + 7])]
    assert found == [one, one]
    assert requests.feed(one[-1:]) == [one]
    upgrade = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x00"
    assert requests.feed(upgrade) == [upgrade]
    assert not requests.is_http
    assert requests.feed(b"\x81\x01") == [b"\x81\x01"]
