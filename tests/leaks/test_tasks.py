"""What Celery runs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connmon import tasks
from connmon.accounts.models import Game
from connmon.celery import app
from connmon.leaks.models import Leak, Tick
from tests.conftest import NOW
from tests.machine import Machine, opened


def test_a_leak_gets_into_the_ledger_by_the_task(server: Machine, game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = timezone.now()
    server.send_first(sent_at=begin.timestamp(), interval=600, opened=[opened(1, state="orphaned")])
    for minute in range(1, 5):
        moment = begin + timedelta(minutes=minute)
        monkeypatch.setattr("connmon.tasks.timezone.now", lambda moment=moment: moment)
        tasks.look_for_leaks()
    assert Leak.objects.get().rung == "confirmed"
    monkeypatch.setattr("connmon.tasks.timezone.now", lambda: begin + timedelta(hours=7))
    tasks.drop_old_ticks()
    assert not Tick.objects.exists()


def test_a_run_that_is_out_of_time_leaves_the_rest(
    server: Machine, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.send_first()
    monkeypatch.setattr(tasks, "LEAKS_SECONDS", -1.0)
    tasks.look_for_leaks()
    assert not Tick.objects.exists()


@pytest.mark.parametrize("task", [tasks.look_for_leaks, tasks.drop_old_ticks])
def test_beat_sends_each_and_drops_what_nobody_took(task: object) -> None:
    (entry,) = [one for one in app.conf.beat_schedule.values() if one["task"] == task.name]  # type: ignore[attr-defined]
    assert entry["options"]["expires"] <= entry["schedule"]


def test_every_game_is_looked_at_though_time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, moment = [0.0], [NOW]
    seen: set[int] = set()

    def look_at(game: int, **_: object) -> None:
        clock[0] += 30
        seen.add(game)

    monkeypatch.setattr("connmon.leaks.look.games_to_look_at", lambda *, now: [1, 2, 3, 4, 5])
    monkeypatch.setattr("connmon.leaks.look.look_at", look_at)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment[0])
    for _ in range(10):
        tasks.look_for_leaks()
        moment[0] += timedelta(minutes=1)
    assert seen == {1, 2, 3, 4, 5}
