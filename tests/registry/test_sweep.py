"""Silent servers: lost, back, gone; what they left behind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.registry import sweep
from connmon.registry.models import Connection, GameServer, ServerEvent, ServerState
from tests.machine import Machine, opened

MakeServer = Callable[..., Machine]


def fall_silent(server: Machine, seconds: float) -> None:
    """The server's lease was over `seconds` ago."""
    ServerState.objects.filter(server_id=server.id).update(due_at=timezone.now() - timedelta(seconds=seconds))


def events(server: Machine) -> list[str]:
    return list(ServerEvent.objects.filter(server_id=server.id).order_by("at").values_list("kind", flat=True))


def mark(game: Game) -> tuple[int, int]:
    return sweep.mark_lost(game.pk, now=timezone.now())


def end(game: Game) -> int:
    return sweep.end_gone(game.pk, gone_after=3_600, now=timezone.now())


def test_a_server_whose_lease_is_over_is_lost_once(make_server: MakeServer, game: Game) -> None:
    silent, healthy = make_server("a"), make_server("b")
    for server in (silent, healthy):
        server.send_first(opened=[opened(1)])
    fall_silent(silent, 1)
    assert (mark(game), mark(game)) == ((1, 0), (0, 0))
    assert (events(silent), events(healthy)) == (["lost"], [])
    assert silent.registered() == {1}


def test_a_server_that_reports_again_is_back(server: Machine, game: Game) -> None:
    server.send_first()
    fall_silent(server, 1)
    mark(game)
    assert server.send().status == 200
    assert (mark(game), mark(game)) == ((0, 1), (0, 0))
    assert events(server) == ["lost", "returned"]


def test_other_games_are_left_alone(server: Machine, other_game: Game) -> None:
    server.send_first()
    fall_silent(server, 5_000)
    assert (mark(other_game), end(other_game)) == ((0, 0), 0)


def test_a_server_that_stays_away_is_ended(make_server: MakeServer, game: Game) -> None:
    gone, lost = make_server("a"), make_server("b")
    for server, seconds in ((gone, 3_601), (lost, 3_599)):
        server.send_first(opened=[opened(1)])
        fall_silent(server, seconds)
    mark(game)
    assert (end(game), end(game)) == (1, 0)
    assert GameServer.objects.get(pk=gone.id).ended_at
    assert not GameServer.objects.get(pk=lost.id).ended_at
    assert events(gone) == ["lost", "gone"]


def test_no_server_is_ended_before_it_was_marked_lost(server: Machine, game: Game) -> None:
    server.send_first()
    fall_silent(server, 9_999)
    assert end(game) == 0


def test_what_an_ended_server_had_is_dropped(server: Machine, game: Game) -> None:
    server.send_first(opened=[opened(number) for number in range(1, 6)])
    fall_silent(server, 9_999)
    mark(game)
    end(game)
    assert sweep.drop_leftovers() == 5
    assert server.registered() == set()
    assert sweep.drop_leftovers() is None


def test_leftovers_are_dropped_in_batches(make_server: MakeServer, game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "DROP_BATCH", 4)
    servers = [make_server(name) for name in "abc"]
    for server in servers:
        server.send_first(opened=[opened(number) for number in range(1, 4)])
    for server in servers[:2]:
        fall_silent(server, 9_999)
    mark(game)
    end(game)
    assert [sweep.drop_leftovers() for _ in range(3)] == [4, 2, None]
    assert [len(server.registered()) for server in servers] == [0, 0, 3]


def test_an_ended_server_that_returns_begins_a_new_boot(make_server: MakeServer, server: Machine, game: Game) -> None:
    server.send_first(opened=[opened(1)])
    fall_silent(server, 9_999)
    mark(game)
    end(game)
    answer = server.send(opened=[opened(2)])
    assert (answer.status, answer.code) == (409, "boot-superseded")
    new = make_server(boot="boot-2")
    new.send_first(opened=[opened(1)])
    assert sweep.drop_leftovers() == 1
    assert (server.registered(), new.registered()) == (set(), {1})


def test_two_workers_drop_different_servers(make_server: MakeServer, game: Game) -> None:
    for name in "ab":
        server = make_server(name)
        server.send_first(opened=[opened(1)])
        fall_silent(server, 9_999)
    mark(game)
    end(game)

    def other_worker() -> int | None:
        try:
            return sweep.drop_leftovers()
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        assert sweep.drop_leftovers() == 2
        assert pool.submit(other_worker).result(10) is None
    assert Connection.objects.count() == 0


def test_a_pass_without_lost_servers_writes_nothing(server: Machine, game: Game) -> None:
    server.send_first()
    before = list(GameServer.objects.values())
    assert (mark(game), end(game), sweep.drop_leftovers()) == ((0, 0), 0, None)
    assert list(GameServer.objects.values()) == before
