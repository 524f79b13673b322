"""What is left of boots that ended: counters for a day, a name for as long as there is history, then nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from connmon.registry import old_boots, sweep
from connmon.registry.models import GameServer, ServerEvent, ServerState
from tests.machine import Machine, opened

MakeServer = Callable[..., Machine]
SERVICES = [{"name": "Combat", "live": 1, "opened": 3, "closed": 2}]
POOLS = [{"type": "RunService.Heartbeat", "size": 10, "in_use": 1, "hits": 2, "misses": 1}]


def end(server: Machine, *, ago: timedelta) -> None:
    server.send_first(opened=[opened(1)], services=SERVICES, pools=POOLS)
    server.send(closing=True)
    while sweep.drop_leftovers() is not None:
        pass
    GameServer.objects.filter(pk=server.id).update(ended_at=timezone.now() - ago)


def state(server: Machine) -> ServerState:
    return ServerState.objects.get(pk=server.id)


def drop() -> tuple[int, int]:
    return old_boots.drop_old_boots(now=timezone.now())


def test_the_last_counters_stay_for_a_day(make_server: MakeServer) -> None:
    lately, yesterday, running = make_server("lately"), make_server("yesterday"), make_server("running")
    end(lately, ago=timedelta(hours=23))
    end(yesterday, ago=timedelta(hours=25))
    running.send_first(services=SERVICES, pools=POOLS)
    assert drop() == (1, 0)
    for server, kept in ((lately, True), (yesterday, False), (running, True)):
        now = state(server)
        assert (now.opened == [3], now.pool_hits == [2], not now.superseded) == (kept, kept, kept)
    assert drop() == (0, 0)


def test_a_boot_that_was_superseded_is_emptied_too(make_server: MakeServer) -> None:
    older = make_server("a", boot="1")
    older.send_first(services=SERVICES)
    make_server("a", boot="2").send_first()
    GameServer.objects.filter(pk=older.id).update(ended_at=timezone.now() - timedelta(days=2))
    assert drop() == (1, 0)
    assert state(older).service_ids == []


def test_one_that_reports_after_that_begins_anew(server: Machine) -> None:
    end(server, ago=timedelta(days=2))
    assert drop() == (1, 0)
    answer = server.send()
    assert (answer.status, answer.body["code"]) == (409, "boot-superseded")


def test_after_a_year_nothing_is_left_and_a_report_is_one_of_an_unknown_server(server: Machine) -> None:
    end(server, ago=timedelta(days=367))
    assert drop() == (1, 1)
    for model in (GameServer, ServerState, ServerEvent):
        assert not model.objects.exists()
    assert server.send().body["resync"]
    assert GameServer.objects.get().ended_at is None


def test_connections_are_dropped_before_their_boot_is_forgotten(server: Machine) -> None:
    end(server, ago=timedelta(days=367))
    GameServer.objects.update(holds_leftovers=True)
    assert drop() == (1, 0)


def test_batches_follow_each_other(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_boots, "BATCH", 2)
    for number in range(5):
        end(make_server(f"server-{number}"), ago=timedelta(days=400))
    assert drop() == (5, 5)
