"""Sending when things go wrong: the same bytes again, later and later, and never at the server's expense."""

import gc
import json
import random
import weakref
from itertools import pairwise
from typing import Any

import pytest

from connmon_agent import Agent
from tests.agents.python.backend import Canned, Transport
from tests.agents.python.game import Game, nothing


def settled(game: Game) -> Game:
    """Lets the first report be acknowledged."""
    game.wait_for(lambda: len(game.backend.received) == 1)
    return game


def agent_of(game: Game) -> Agent:
    """The agent of a server that reports."""
    assert game.agent is not None
    return game.agent


def add(game: Game, name: str = "n", owner: str = "S") -> None:
    """A connection more."""
    game.manager.register_connection(owner, name, game.signal().connect(nothing))


FAILURES = {
    "unreachable": Canned(fails=True),
    "silent": Canned(hangs=True),
    "503": Canned(503),
    "500 with a page": Canned(500, b"<html>oops</html>"),
    "408": Canned(408),
    "429": Canned(429, retry_after="3"),
    "429 with a date": Canned(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
    "503 of a socket": Canned(503, b'{"kind":"problem","retry_after":3}'),
    "503 with a nonsense wait": Canned(503, b'{"retry_after":[1]}', retry_after="nan"),
    "503 with a wait of another form": Canned(503, b'{"retry_after":[1]}'),
    "200 with a page": Canned(200, b"<html>log in to this network</html>"),
    "200 with nothing": Canned(200, b""),
    "200 with null": Canned(200, b"null"),
    "200 with a list": Canned(200, b"[]"),
    "200 with an empty object": Canned(200, b"{}"),
    "200 with bytes": Canned(200, b"\xff\xfe\x00"),
    "200 nested deep": Canned(200, b"[" * 100_000),
    "200 for another seq": Canned(200, b'{"kind":"ack","ack":7000,"resync":false,"interval":5}'),
    "200 of another kind": Canned(200, b'{"kind":"problem","ack":2}'),
    "a redirect": Canned(302),
    "a status that does not exist": Canned(999),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_a_report_is_sent_again_byte_for_byte(reporting: Game, failure: Canned) -> None:
    settled(reporting)
    reporting.backend.canned.extend([failure] * 3)
    add(reporting)
    reporting.wait_for(lambda: len(reporting.backend.bodies) >= 5)
    assert len(set(reporting.backend.bodies[1:5])) == 1
    assert [report.seq for report in reporting.backend.received] == [1, 2]
    assert (agent_of(reporting).status().dropped, agent_of(reporting).status().retried) == (0, 3)


def test_waits_grow_and_are_random() -> None:
    game = settled(Game(interval=5, random=random.Random(7).random).start())
    game.backend.canned.extend([Canned(503)] * 12)
    times: list[float] = []
    for _ in range(4_000):
        before = len(game.backend.bodies)
        game.pass_time(0.25, step=0.25)
        if len(game.backend.bodies) > before:
            times.append(game.clock.time)
    waits = [later - earlier for earlier, later in pairwise(times[:13])]
    assert len({round(wait, 1) for wait in waits}) > 5
    assert max(waits) <= 61
    assert sum(waits[:4]) < 32
    assert sum(waits[6:]) > sum(waits[:6])


@pytest.mark.parametrize("canned", [Canned(429, retry_after="90"), Canned(503, b'{"kind":"problem","retry_after":90}')])
def test_retry_after_is_honoured(reporting: Game, canned: Canned) -> None:
    settled(reporting)
    reporting.backend.canned.append(canned)
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 2)
    reporting.pass_time(88)
    assert len(reporting.backend.bodies) == 2
    reporting.pass_time(4)
    assert len(reporting.backend.bodies) == 3


def test_a_wait_without_measure_is_cut(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(503, retry_after="1e99"))
    reporting.wait_for(lambda: len(reporting.backend.received) == 2, seconds=320)


def test_only_one_report_is_on_its_way(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(hangs=True))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 2)
    reporting.pass_time(20)
    assert len(reporting.backend.bodies) == 2
    assert agent_of(reporting).status().in_flight


def test_an_answer_that_comes_after_its_deadline_is_not_heard(reporting: Game) -> None:
    reporting.backend.canned.append(Canned(hangs=True))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 1)
    reporting.backend.canned.append(Canned(hangs=True))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 2)
    assert agent_of(reporting).status().acknowledged == 0
    reporting.wait_for(lambda: len(reporting.backend.received) == 1)
    assert agent_of(reporting).status().acknowledged == 1


@pytest.mark.parametrize("code", [400, 422])
def test_a_refused_report_is_dropped_counted_and_followed_by_a_snapshot(reporting: Game, code: int) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(code, b'{"code":"invalid-report","detail":"no"}'))
    reporting.wait_for(lambda: len(reporting.backend.received) == 2)
    report = reporting.backend.received[1]
    assert (report.seq, report.dropped, report.snapshot is not None) == (2, 1, True)
    assert reporting.logged("refused a report") == 1


def test_reports_refused_in_a_row_come_later_each_time(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(422)] * 5)
    reporting.pass_time(5 + 5 + 10 + 20 + 3)
    assert len(reporting.backend.bodies) in {4, 5}


@pytest.mark.parametrize("code", ["seq-conflict", "seq-behind", "boot-superseded"])
def test_a_conflict_starts_a_new_boot_with_a_snapshot(reporting: Game, code: str) -> None:
    for number in range(5):
        add(reporting, f"n{number}")
    reporting.manager.unregister_connection("S", "n1")
    boot = settled(reporting).backend.received[0].server.boot
    reporting.backend.canned.append(Canned(409, json.dumps({"code": code}).encode()))
    reporting.wait_for(lambda: len(reporting.backend.received) == 2)
    report = reporting.backend.received[1]
    assert report.server.boot != boot
    assert (report.seq, report.snapshot is not None, report.dropped) == (1, True, 1)
    (counters,) = [counters for counters in report.services if counters.name == "S"]
    assert (counters.opened, counters.closed, counters.live) == (4, 0, 4)


def test_a_body_too_large_is_followed_by_smaller_parts(reporting: Game) -> None:
    for number in range(900):
        add(reporting, f"n{number}")
    reporting.backend.canned.extend([Canned(413), Canned(413)])
    reporting.wait_for(lambda: reporting.backend.complete)
    assert len(reporting.backend.received[0].opened) <= 250
    assert len(reporting.backend.known.registry) == reporting.manager.get_connection_stats().live


@pytest.mark.parametrize("code", [401, 403, 405, 415])
def test_a_wrong_key_is_tried_once_a_minute_and_said_once(reporting: Game, code: int) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(code, b'{"detail":"This key is unknown."}')] * 10)
    reporting.pass_time(5 * 60)
    assert 4 <= len(reporting.backend.bodies) - 1 <= 6
    assert reporting.logged("This key is unknown.") == 1


def test_a_report_nobody_takes_is_kept_for_five_minutes_then_dropped_for_a_fresh_one(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.canned.extend([Canned(fails=True)] * 20)
    reporting.wait_for(lambda: len(set(reporting.backend.bodies[1:])) > 1, seconds=500)
    reporting.backend.canned.clear()
    reporting.wait_for(lambda: len(reporting.backend.received) == 2)
    report = reporting.backend.received[1]
    assert (report.dropped, report.snapshot is not None) == (1, True)
    assert report.seq > 2  # the dropped one may have arrived: its number is not used again
    assert reporting.backend.complete


def test_nothing_is_lost_when_an_answer_is(reporting: Game) -> None:
    """The report arrives, the answer does not: the repeat changes nothing and is answered the same."""
    settled(reporting)
    add(reporting)
    while not reporting.transport.requests:
        reporting.clock.time += 0.5
        agent_of(reporting).step()
    lost = reporting.transport.requests.popleft()
    assert reporting.backend.take(lost.body)[0] == 200
    reporting.manager.unregister_connection("S", "n")
    reporting.wait_for(lambda: len(reporting.backend.received) == 3)
    assert [report.seq for report in reporting.backend.received] == [1, 2, 3]
    assert len(reporting.backend.known.registry) == reporting.manager.get_connection_stats().live


def test_the_interval_is_the_backends_to_say(reporting: Game) -> None:
    reporting.backend.interval = 20
    settled(reporting)
    reporting.pass_time(18)
    assert len(reporting.backend.received) == 1
    reporting.pass_time(5)
    assert (len(reporting.backend.received), reporting.backend.received[1].interval) == (2, 20)


def test_the_servers_own_bound_caps_the_interval() -> None:
    game = Game(max_interval=2).start()
    game.backend.interval = 300
    game.pass_time(20)
    assert 8 <= len(game.backend.received) <= 12


@pytest.mark.parametrize("interval", [-1, 0, float("inf"), float("nan"), "soon", None, {}, True, 10**400])
def test_a_nonsense_interval_changes_nothing(reporting: Game, interval: Any) -> None:
    reporting.backend.interval = interval
    settled(reporting)
    reporting.pass_time(11)
    assert len(reporting.backend.received) == 3


@pytest.mark.parametrize("interval", [0, -1, 4_000, float("nan")])
def test_an_interval_past_the_protocols_bounds_is_an_error(interval: float) -> None:
    with pytest.raises(ValueError, match=r"takes 0\.1 to 3600 seconds"):
        Game(interval=interval).start()


def test_the_next_report_can_be_asked_for(reporting: Game) -> None:
    reporting.backend.interval = 300
    settled(reporting)
    reporting.pass_time(5)
    agent_of(reporting).report_now()
    reporting.pass_time(1)
    assert len(reporting.backend.received) == 2


def test_a_report_asked_for_while_one_is_under_way_follows_it(reporting: Game) -> None:
    reporting.backend.interval = 300
    reporting.backend.canned.append(Canned(fails=True))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 1)
    agent_of(reporting).report_now()
    reporting.wait_for(lambda: len(reporting.backend.received) == 2, seconds=10)


def test_asking_for_a_report_does_not_break_the_backends_pause(reporting: Game) -> None:
    settled(reporting)
    reporting.backend.canned.append(Canned(429, retry_after="90"))
    reporting.wait_for(lambda: len(reporting.backend.bodies) == 2)
    agent_of(reporting).report_now()
    reporting.pass_time(30)
    assert len(reporting.backend.bodies) == 2


def test_a_fault_inside_the_agent_reaches_nobody_and_passes(reporting: Game) -> None:
    settled(reporting)
    original = reporting.manager.core.owners.fragment

    def fail(number: int) -> str:
        raise OSError("agent fault")

    add(reporting)
    reporting.manager.core.owners.fragment = fail  # type: ignore[method-assign]
    reporting.pass_time(20)
    assert reporting.logged("a step failed: OSError('agent fault')") > 0
    reporting.manager.core.owners.fragment = original  # type: ignore[method-assign]
    reporting.pass_time(20)
    assert len(reporting.backend.known.registry) == reporting.manager.get_connection_stats().live


def test_a_transport_that_raises_reaches_nobody(reporting: Game) -> None:
    class Faulty(Transport):
        def send(self, request: object) -> None:
            raise OSError("transport fault")

    agent = Agent(reporting.manager, Faulty(), interval=1)
    for _ in range(100):
        reporting.clock.time += 1
        agent.step()
    assert reporting.logged("transport fault") > 0


def test_a_step_with_nothing_to_do_does_nothing(reporting: Game) -> None:
    settled(reporting)
    agent_of(reporting).step()
    assert agent_of(reporting).step() > 0
    assert 0 < agent_of(reporting).step(reporting.clock.time + 0.001) <= 1


def test_the_reporter_keeps_no_player_that_left(reporting: Game) -> None:
    player = reporting.join(261)
    reporting.manager.register_connection(player, "Chat", reporting.signal().connect(player.greet))
    settled(reporting)
    reporting.backend.canned.extend([Canned(hangs=True)] * 5)
    add(reporting)
    reporting.pass_time(8)
    reference = weakref.ref(player)
    reporting.players.leave(player)
    del player
    gc.collect()
    assert reference() is None
    assert agent_of(reporting).status().in_flight
