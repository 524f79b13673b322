"""Whose turn it is, and workers that die on the way."""

import os
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from connmon import tasks
from connmon.accounts.models import Game
from connmon.source import analysis
from connmon.source.models import Finding, Upload
from connmon.source.running import Analysis, Limits
from tests.source.uploads import SHOP, analysed, put_upload


def state_of(upload: Upload) -> tuple[str, int]:
    upload.refresh_from_db()
    return upload.state, upload.attempts


def test_the_task_analyses_the_next_upload(game: Game) -> None:
    upload = put_upload(game)
    tasks.analyse_source()
    assert state_of(upload) == ("done", 1)
    tasks.analyse_source()  # nothing is left to do


def test_one_is_analysed_at_a_time(game: Game) -> None:
    first, second = put_upload(game, version=1), put_upload(game, version=2)
    now = timezone.now()
    taken = analysis.take_next(now=now)
    assert taken
    assert taken.pk == first.pk
    assert analysis.take_next(now=now) is None
    assert state_of(second) == ("queued", 0)


def test_a_game_with_many_uploads_lets_others_in_between(game: Game, other_game: Game) -> None:
    for version in (1, 2):
        put_upload(game, {"Shop.luau": SHOP}, version=version)
    theirs = put_upload(other_game, {"Shop.luau": SHOP})
    order = []
    for _ in range(3):
        taken = analysis.take_next(now=timezone.now())
        assert taken
        order.append((taken.game_id, taken.place_version))
        Upload.objects.filter(pk=taken.pk).update(state="done")
    assert order == [(game.pk, 1), (other_game.pk, theirs.place_version), (game.pk, 2)]


def test_what_a_dead_worker_had_is_taken_again_after_its_lease(game: Game) -> None:
    upload = put_upload(game)
    now = timezone.now()
    assert analysis.take_next(now=now)
    assert analysis.take_next(now=now + analysis.LEASE - timedelta(seconds=1)) is None
    assert analysis.analyse_next(clock=lambda: now + analysis.LEASE)
    assert state_of(upload) == ("done", 2)
    assert Finding.objects.filter(upload=upload, verdict="leak").count() == 1


def test_an_upload_that_ends_its_workers_is_given_up(game: Game) -> None:
    upload = put_upload(game)
    now = timezone.now()
    for attempt in range(analysis.MOST_ATTEMPTS):
        assert analysis.take_next(now=now + attempt * analysis.LEASE)
    assert analysis.take_next(now=now + analysis.MOST_ATTEMPTS * analysis.LEASE) is None
    assert state_of(upload) == ("failed", 3)
    assert "3 attempts" in upload.reason


def test_a_worker_that_was_thought_dead_overwrites_nothing(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = put_upload(game)
    slow = analysis.take_next(now=timezone.now())
    assert slow
    later = timezone.now() + analysis.LEASE
    assert analysis.analyse_next(clock=lambda: later)
    found = list(Finding.objects.values_list("pk", flat=True))
    analysis._store(slow, Analysis(), timezone.now())
    analysis._fail(slow, "too late", timezone.now())
    assert state_of(upload) == ("done", 2)
    assert list(Finding.objects.values_list("pk", flat=True)) == found
    with pytest.raises(analysis.LeaseLost):
        analysis._renew(slow, Analysis(), timezone.now())


def on_start(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> list[int]:
    """Lets `act` have the number of each child as soon as it runs."""
    started: list[int] = []

    class Noting(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)  # type: ignore[call-overload]
            started.append(self.pid)
            act(self.pid)

    monkeypatch.setattr("connmon.source.running.subprocess.Popen", Noting)
    return started


def test_a_child_that_is_killed_fails_the_upload_with_the_reason(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = put_upload(game)
    on_start(monkeypatch, lambda pid: os.kill(pid, signal.SIGKILL))
    assert analysis.analyse_next(clock=timezone.now)
    assert state_of(upload) == ("failed", 1)
    assert "signal 9" in upload.reason
    monkeypatch.undo()
    assert analysed(game).pk != upload.pk  # a failed one is no repeat


def test_the_child_goes_when_its_upload_does(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    put_upload(game)
    started = on_start(monkeypatch, lambda pid: Upload.objects.all().delete() and None)
    assert analysis.analyse_next(clock=timezone.now)
    assert not Upload.objects.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_time_that_runs_out_is_told_file_by_file(game: Game) -> None:
    upload = put_upload(game)
    assert analysis.analyse_next(clock=timezone.now, limits=Limits(seconds=-1.0))
    assert state_of(upload) == ("done", 1)
    problems = {file.problem for file in upload.files.all()}
    assert any("no time left" in problem for problem in problems)
    assert upload.unknown >= 1


def test_an_analysis_that_does_not_end_is_ended(game: Game) -> None:
    upload = put_upload(game)
    assert analysis.analyse_next(clock=timezone.now, limits=Limits(wall_seconds=0.0))
    assert state_of(upload) == ("failed", 1)
    assert "did not end within 0 s" in upload.reason
