"""A snapshot in parts: the last known registry stays in force until the last part is in."""

import pytest

from tests.machine import Answer, Machine, changed, closed, opened


def send_part(server: Machine, part: int, of: int, *ids: int, **changes: object) -> Answer:
    events = [opened(number) for number in ids]
    return server.send(snapshot={"part": part, "of": of}, opened=events, **changes)


@pytest.fixture
def asked(server: Machine) -> Machine:
    """A server with connections 1 to 4 that has been asked for a snapshot."""
    server.send_first(opened=[opened(number) for number in (1, 2, 3, 4)])
    assert server.send(seq=10).body["resync"] is True
    return server


def test_the_registry_is_kept_until_the_last_part_and_then_holds_what_the_parts_named(asked: Machine) -> None:
    assert send_part(asked, 1, 3, 1, 20).body["resync"] is False
    assert asked.registered() == {1, 2, 3, 4, 20}
    assert send_part(asked, 2, 3, 2).body["resync"] is False
    assert asked.registered() == {1, 2, 3, 4, 20}
    assert not asked.state.synced
    assert send_part(asked, 3, 3, 30).body["resync"] is False
    assert asked.registered() == {1, 2, 20, 30}
    assert asked.state.synced


def test_a_snapshot_that_names_nothing_empties_the_registry(asked: Machine) -> None:
    send_part(asked, 1, 1)
    assert asked.registered() == set()


def test_a_snapshot_corrects_what_is_known_of_a_connection(asked: Machine) -> None:
    events = [opened(1, owner="player:7", name="Touched", type="BasePart.Touched", state="stale", site="", at=5.5)]
    asked.send(snapshot={"part": 1, "of": 1}, opened=events)
    row = asked.connections()[1]
    assert (row.owner, row.name, row.type, row.site, row.opened_at) == (
        "player:7",
        "Touched",
        "BasePart.Touched",
        "",
        5.5,
    )
    assert row.state == 2


def test_a_gap_within_a_snapshot_is_answered_with_resync_and_drops_nothing(asked: Machine) -> None:
    send_part(asked, 1, 3, 1)
    answer = send_part(asked, 3, 3, 3, seq=asked.seq + 2)
    assert answer.body["resync"] is True
    assert asked.registered() == {1, 2, 3, 4}
    assert not asked.state.synced


def test_a_part_that_is_left_out_is_answered_with_resync_and_drops_nothing(asked: Machine) -> None:
    send_part(asked, 1, 3, 1)
    assert send_part(asked, 3, 3, 3).body["resync"] is True
    assert asked.registered() == {1, 2, 3, 4}


def test_a_snapshot_that_begins_anew_counts_from_its_new_first_part(asked: Machine) -> None:
    send_part(asked, 1, 2, 1, 50)
    send_part(asked, 1, 2, 2)
    assert asked.registered() == {1, 2, 3, 4, 50}
    send_part(asked, 2, 2, 3)
    assert asked.registered() == {2, 3}


def test_what_happens_between_two_parts_holds(asked: Machine) -> None:
    send_part(asked, 1, 2, 1, 2)
    asked.send(opened=[opened(60)], closed=[closed(2)], changed=[changed(1, "idle")])
    send_part(asked, 2, 2, 3)
    assert asked.registered() == {1, 3, 60}
    assert asked.connections()[1].state == 1


def test_what_a_part_closes_stays_closed(asked: Machine) -> None:
    send_part(asked, 1, 2, 1, 2, 3)
    send_part(asked, 2, 2, closed=[closed(3)])
    assert asked.registered() == {1, 2}


def test_a_repeated_part_is_taken_once(asked: Machine) -> None:
    send_part(asked, 1, 2, 1)
    last = asked.report(snapshot={"part": 2, "of": 2}, opened=[opened(2)])
    for _ in range(2):
        assert asked.site.post(last, key=asked.key).body["resync"] is False
        assert asked.registered() == {1, 2}


def test_a_synced_server_may_send_a_snapshot_unasked(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2)])
    send_part(server, 1, 2, 2)
    assert server.state.synced
    send_part(server, 2, 2, 5)
    assert server.registered() == {2, 5}


def test_a_snapshot_of_another_server_drops_nothing_here(asked: Machine) -> None:
    other = Machine(asked.site, asked.key, asked.game_id, "server-2")
    other.send_first(opened=[opened(1)])
    other.send(snapshot={"part": 1, "of": 1})
    assert asked.registered() == {1, 2, 3, 4}


def test_a_snapshot_of_five_thousand_connections_is_taken(server: Machine) -> None:
    small = {"owner": "s", "name": "n", "type": "t", "site": ""}
    report = server.report(
        snapshot={"part": 1, "of": 1}, opened=[opened(number, **small) for number in range(1, 1_501)]
    )
    assert server.site.post(report, key=server.key).status == 200
    assert len(server.registered()) == 1_500
