"""A report with `closing` ends its server at once; docs/protocol.md, "Farewell"."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.registry import sweep
from connmon.registry.models import GameServer, ServerEvent, ServerState
from tests.machine import Answer, Machine, closed, opened
from tests.registry.edges import Process, with_processes

MakeServer = Callable[..., Machine]
SNAPSHOT = {"part": 1, "of": 1}


def row(server: Machine) -> GameServer:
    return GameServer.objects.get(pk=server.id)


def events(server: Machine) -> list[str]:
    return list(ServerEvent.objects.filter(server_id=server.id).order_by("at").values_list("kind", flat=True))


def test_a_farewell_ends_its_server_and_no_other(make_server: MakeServer) -> None:
    leaving, staying = make_server("a"), make_server("b")
    for server in (leaving, staying):
        server.send_first(opened=[opened(1), opened(2)])
    answer = leaving.send(closed=[closed(1)], closing=True)
    assert (answer.status, answer.body["ack"], answer.body["resync"]) == (200, 2, False)
    assert (row(leaving).ended_at is None, row(staying).ended_at) == (False, None)
    assert (events(leaving), events(staying)) == (["closed"], [])


def test_what_it_had_registered_is_dropped_by_the_sweep(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2)])
    server.send(closing=True)
    assert sweep.drop_leftovers() == 2
    assert server.registered() == set()
    assert sweep.drop_leftovers() in {0, None}


def test_its_silence_means_nothing(server: Machine, game: Game) -> None:
    server.send_first()
    server.send(closing=True)
    ServerState.objects.filter(server_id=server.id).update(due_at=timezone.now() - timedelta(hours=2))
    assert sweep.mark_lost(game.pk, now=timezone.now()) == (0, 0)
    assert sweep.end_gone(game.pk, gone_after=60, now=timezone.now()) == 0
    assert events(server) == ["closed"]


def test_a_repeated_farewell_is_answered_alike(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    report = server.report(closing=True)
    first, second = (server.site.post(report, key=server.key) for _ in range(2))
    assert (second.status, second.body) == (first.status, first.body)
    assert events(server) == ["closed"]


def test_a_farewell_with_a_gap_before_it_asks_for_nothing(server: Machine) -> None:
    server.send_first()
    assert server.send(seq=7, closing=True).body["resync"] is False
    assert row(server).ended_at


def test_a_second_farewell_changes_nothing_but_what_it_reports(server: Machine) -> None:
    server.send_first()
    server.send(closing=True)
    ended_at = row(server).ended_at
    assert server.send(closing=True, players=0).body["resync"] is False
    assert (row(server).ended_at, events(server), server.state.players) == (ended_at, ["closed"], 0)


def come_back(server: Machine) -> None:
    answer = server.send()
    assert (answer.status, answer.body["resync"]) == (200, True)
    assert server.send(snapshot=SNAPSHOT, opened=[opened(5)]).body["resync"] is False


def test_a_server_that_reports_on_is_back_with_a_snapshot(server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    server.send(closing=True)
    come_back(server)
    assert (row(server).ended_at, events(server)) == (None, ["closed", "returned"])
    assert server.registered() == {5}
    assert sweep.drop_leftovers() is None


@pytest.mark.parametrize("closing", [True, False])
def test_another_process_knows_of_the_farewell_too(server: Machine, closing: bool) -> None:
    server.send_first()
    server.send(closing=True)

    async def work(process: Process) -> Answer:
        return await process.post_until_taken(server.report(closing=closing), key=server.key)

    assert with_processes(1, work).body["resync"] is not closing
    assert (row(server).ended_at is None) is not closing


def test_a_new_boot_after_a_farewell_is_a_new_server(server: Machine, make_server: MakeServer) -> None:
    server.send_first(opened=[opened(1)])
    server.send(closing=True)
    again = make_server(server.name, boot="boot-2")
    again.send_first(opened=[opened(1)])
    assert (row(server).ended_at is None, row(again).ended_at) == (False, None)
    assert events(server) == ["closed"]


def test_an_old_boot_that_said_farewell_stays_superseded(make_server: Callable[..., Machine]) -> None:
    old = make_server("a", boot="boot-1")
    old.send_first(opened=[opened(1)])
    old.send(closing=True)
    new = make_server("a", boot="boot-2")
    new.send_first(opened=[opened(1)])
    answer = old.send()
    assert (answer.status, GameServer.objects.filter(name="a", ended_at=None).count()) == (409, 1), answer
