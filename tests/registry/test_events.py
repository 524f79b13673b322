"""Connections as reports open, change and close them."""

import pytest

from connmon.registry.models import Connection, Service
from connmon.registry.states import OWNER_KINDS, STATES
from tests.machine import SENT_AT, Machine, changed, closed, opened

HOSTILE = ["a\\b\"c'd{e},f;--", "<script>alert(1)</script>", "\\.", "\\N", "NULL", "خدمة القتال", "戦闘🎮", "{}", " x "]


def test_an_opened_connection_is_stored_as_it_was_said(server: Machine) -> None:
    server.send_first(opened=[opened(2**53 - 1, at=1763869995.123456, essential=True, state="idle")])
    row = Connection.objects.get(server_id=server.id)
    service = Service.objects.get(game_id=server.game_id)
    assert (row.connection_id, row.service_id, service.name) == (2**53 - 1, service.pk, "CombatService")
    assert (row.owner, OWNER_KINDS[row.owner_kind]) == ("player:261", "player")
    assert (row.name, row.type, row.site) == ("Died", "Humanoid.Died", "ServerScriptService.CombatService:118")
    assert (row.opened_at, row.essential, STATES[row.state]) == (1763869995.123456, True, "idle")


def test_a_connection_is_live_and_not_essential_unless_said_otherwise(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    row = server.connections()[1]
    assert (STATES[row.state], row.essential) == ("live", False)


@pytest.mark.parametrize("kind", OWNER_KINDS)
def test_every_owner_kind_is_stored(server: Machine, kind: str) -> None:
    server.send_first(opened=[opened(1, owner_kind=kind)])
    assert OWNER_KINDS[server.connections()[1].owner_kind] == kind


@pytest.mark.parametrize("text", HOSTILE)
def test_any_printable_text_comes_back_unchanged(server: Machine, text: str) -> None:
    server.send_first(opened=[opened(1, owner=text, name=text, type=text, site=text, service=text)])
    server.send(opened=[opened(2, owner=text, name=text, type=text, site=text, service=text)])
    for row in server.connections().values():
        assert (row.owner, row.name, row.type, row.site) == (text, text, text, text)
    assert Service.objects.get(game_id=server.game_id).name == text


def test_closed_connections_go(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2), opened(3)])
    server.send(closed=[closed(1), closed(3)])
    assert server.registered() == {2}


def test_closing_what_is_not_known_does_no_harm(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    answer = server.send(closed=[closed(99), closed(1, "NeverSeenService"), closed(7, "CombatService")])
    assert answer.status == 200
    assert server.registered() == {1}


def test_closing_twice_is_closing_once(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2)])
    server.send(closed=[closed(1), closed(1)])
    assert server.send(closed=[closed(1)]).status == 200
    assert server.registered() == {2}


def test_a_connection_opened_and_closed_in_one_report_is_not_there(server: Machine) -> None:
    server.send_first()
    server.send(opened=[opened(1), opened(2)], closed=[closed(1)])
    assert server.registered() == {2}


@pytest.mark.parametrize("state", STATES)
def test_a_changed_state_is_stored(server: Machine, state: str) -> None:
    server.send_first(opened=[opened(1, state="stale" if state == "live" else "live"), opened(2)])
    server.send(changed=[changed(1, state)])
    assert {number: STATES[row.state] for number, row in server.connections().items()} == {1: state, 2: "live"}


def test_a_connection_opened_and_changed_in_one_report_has_the_new_state(server: Machine) -> None:
    server.send_first()
    server.send(opened=[opened(1)], changed=[changed(1, "orphaned")])
    assert STATES[server.connections()[1].state] == "orphaned"


def test_changing_what_is_not_known_does_no_harm(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    answer = server.send(changed=[changed(99, "idle"), changed(1, "idle", "NeverSeenService")])
    assert answer.status == 200
    assert STATES[server.connections()[1].state] == "live"


def test_the_last_of_two_changes_of_one_connection_holds(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    server.send(changed=[changed(1, "idle"), changed(1, "orphaned")])
    assert STATES[server.connections()[1].state] == "orphaned"


def test_opening_again_what_is_there_already_takes_the_newer_word(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2)])
    answer = server.send(opened=[opened(1, owner="player:7", at=SENT_AT), opened(3)])
    assert answer.status == 200
    rows = server.connections()
    assert rows.keys() == {1, 2, 3}
    assert (rows[1].owner, rows[1].opened_at) == ("player:7", SENT_AT)


def test_opening_again_after_a_gap_does_no_harm(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    answer = server.send(seq=9, opened=[opened(1), opened(2)])
    assert (answer.status, answer.body["resync"]) == (200, True)
    assert server.registered() == {1, 2}


def test_events_touch_only_their_own_server(server: Machine) -> None:
    other = Machine(server.site, server.key, server.game_id, "server-2")
    for one in (server, other):
        one.send_first(opened=[opened(1), opened(2)])
    server.send(closed=[closed(1)], changed=[changed(2, "stale")])
    assert other.registered() == {1, 2}
    assert STATES[other.connections()[2].state] == "live"


def test_events_touch_only_their_own_service(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2, service="OtherService")])
    server.send(closed=[closed(1, "OtherService"), closed(2)])
    assert server.registered() == {1, 2}
