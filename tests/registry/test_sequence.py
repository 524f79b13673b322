"""The table "Sequence and resync" of docs/protocol.md, row by row, over HTTP, with the tables looked at afterwards."""

from collections.abc import Callable

import pytest

from connmon.registry.models import GameServer
from tests.machine import Answer, Machine, closed, opened, service, wait_for

MakeServer = Callable[..., Machine]


def assert_refused(answer: Answer, status: int, code: str, pointer: str) -> None:
    assert (answer.status, answer.code, answer.body["pointer"]) == (status, code, pointer)


def test_a_first_snapshot_is_taken_and_committed(server: Machine) -> None:
    answer = server.send(snapshot={"part": 1, "of": 1}, opened=[opened(1), opened(2)])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == {"kind": "ack", "ack": 1, "resync": False, "interval": 10.0, "orders": [], "config": None}
    assert server.registered() == {1, 2}
    assert (server.state.last_seq, server.state.synced) == (1, True)


def test_the_first_report_makes_the_server_known(server: Machine) -> None:
    server.send_first(server={"id": "server-1", "boot": "boot-1", "agent": "a/2", "place_id": 18, "place_version": 142})
    row = GameServer.objects.get(pk=server.id)
    assert (row.name, row.boot, row.agent, row.place_id, row.place_version) == ("server-1", "boot-1", "a/2", 18, 142)
    assert (row.game_id, row.ended_at) == (server.game_id, None)


def test_the_next_report_is_added_to_what_is_there(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    answer = server.send(opened=[opened(2)])
    assert (answer.status, answer.body["ack"], answer.body["resync"]) == (200, 2, False)
    assert server.registered() == {1, 2}


def test_a_repeat_is_answered_alike_and_changes_nothing(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2)])
    report = server.report(closed=[closed(1)], services=[service()])
    first = server.site.post(report, key=server.key)
    before = server.everything()
    second = server.site.post(report, key=server.key)
    assert (second.status, second.body) == (first.status, first.body)
    assert server.everything() == before


def test_a_repeat_of_a_report_that_was_answered_with_resync_is_answered_so_again(server: Machine) -> None:
    report = server.report()
    answers = [server.site.post(report, key=server.key) for _ in range(2)]
    assert [answer.body["resync"] for answer in answers] == [True, True]


def test_another_body_under_the_last_seq_is_refused(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    before = server.everything()
    assert_refused(server.send(seq=1, opened=[opened(2)]), 409, "seq-conflict", "$.seq")
    assert server.everything() == before


def test_a_seq_behind_is_refused_and_told_where_to_go_on(server: Machine) -> None:
    server.send_first()
    server.send()
    before = server.everything()
    answer = server.send(seq=1, opened=[opened(9)])
    assert_refused(answer, 409, "seq-behind", "$.seq")
    assert answer.body["last_seq"] == 2
    assert server.everything() == before


@pytest.mark.parametrize(("seq", "code"), [(2, "seq-conflict"), (1, "seq-behind")])
def test_a_wrong_seq_is_kept_with_its_reason(server: Machine, seq: int, code: str) -> None:
    server.send_first()
    server.send()
    answer = server.send(seq=seq, players=77)
    row = wait_for(server.refusals().first, "the refusal to be kept")
    assert (row.code, row.pointer, row.server, row.detail) == (code, "$.seq", "server-1", answer.body["detail"])
    assert '"players": 77' in row.excerpt


def test_a_gap_is_taken_and_answered_with_resync(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    answer = server.send(seq=5, opened=[opened(2)])
    assert (answer.status, answer.body["ack"], answer.body["resync"]) == (200, 5, True)
    assert server.registered() == {1, 2}
    assert not server.state.synced


def test_after_a_gap_the_agent_is_asked_until_it_sends_a_snapshot(server: Machine) -> None:
    server.send_first()
    server.send(seq=5)
    assert server.send(seq=6).body["resync"] is True
    assert server.send(seq=7, snapshot={"part": 1, "of": 1}).body["resync"] is False
    assert server.send(seq=8).body["resync"] is False


def test_an_unknown_server_without_a_snapshot_is_taken_and_answered_with_resync(server: Machine) -> None:
    answer = server.send(opened=[opened(1)], services=[service()])
    assert (answer.status, answer.body["resync"]) == (200, True)
    assert server.registered() == {1}
    assert not server.state.synced


def test_an_unknown_server_may_begin_with_any_seq(server: Machine) -> None:
    answer = server.send(seq=400, snapshot={"part": 1, "of": 1}, opened=[opened(1)])
    assert (answer.body["ack"], answer.body["resync"]) == (400, False)
    assert server.send(seq=401).body["resync"] is False


def test_the_largest_seq_is_kept_exactly(server: Machine) -> None:
    server.send_first(seq=2**53 - 1)
    assert server.state.last_seq == 2**53 - 1


def test_a_new_boot_begins_as_an_unknown_server_and_drops_the_old_registry(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(boot="boot-2")
    old.send_first(opened=[opened(1), opened(2)])
    assert new.send(opened=[opened(1)]).body["resync"] is True
    assert old.registered() == set()
    assert new.registered() == {1}
    assert old.state.superseded
    assert GameServer.objects.get(pk=old.id).ended_at is not None
    assert GameServer.objects.get(pk=new.id).ended_at is None


def test_an_old_boot_is_refused_from_then_on(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(boot="boot-2")
    old.send_first(opened=[opened(1)])
    new.send_first(opened=[opened(7)])
    before = new.everything()
    for _ in range(2):
        assert_refused(old.send(opened=[opened(3)]), 409, "boot-superseded", "$.server.boot")
    assert old.registered() == set()
    assert new.everything() == before


def test_the_last_report_of_an_old_boot_is_refused_even_when_repeated(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(boot="boot-2")
    report = old.report(snapshot={"part": 1, "of": 1}, opened=[opened(1)])
    old.site.post(report, key=old.key)
    new.send_first()
    wait_for(lambda: old.state.superseded, "the old boot to end")
    answer = old.site.post(report, key=old.key)
    assert_refused(answer, 409, "boot-superseded", "$.server.boot")
    assert old.registered() == set()


def test_a_third_boot_ends_the_second(make_server: MakeServer) -> None:
    boots = [make_server(boot=f"boot-{number}") for number in (1, 2, 3)]
    for number, boot in enumerate(boots):
        boot.send_first(opened=[opened(number + 1)])
    assert [boot.registered() for boot in boots] == [set(), set(), {3}]
    assert [boot.state.superseded for boot in boots] == [True, True, False]


def test_a_new_boot_leaves_other_servers_alone(make_server: MakeServer) -> None:
    old, other = make_server(), make_server("server-2")
    old.send_first(opened=[opened(1)])
    other.send_first(opened=[opened(1)])
    make_server(boot="boot-2").send_first()
    assert other.registered() == {1}
    assert other.send().status == 200
