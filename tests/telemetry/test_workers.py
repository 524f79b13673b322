"""Two workers that come at once: a tick, a minute and a rollup are made once, and by the second if the first fails."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from connmon.core.database import conninfo
from connmon.telemetry import actions, ticks
from connmon.telemetry.models import GameSample, ServerSample, Tick, TypeSample
from connmon.telemetry.partitions import ensure_partitions
from connmon.telemetry.resolutions import PARTITION_SPANS
from tests.conftest import NOW
from tests.telemetry.worlds import put_state

pytestmark = pytest.mark.django_db(transaction=True)


def in_another_worker(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Runs it in a thread, on a connection of its own."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def both_at_once(monkeypatch: pytest.MonkeyPatch, first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Both results: the second begins when the first holds its moment, and the first goes on when the second waits."""
    second_results: list[Any] = []
    threads: list[threading.Thread] = []

    def on_reopen(step: int, at: Any) -> None:
        if threads:
            return
        thread, results = in_another_worker(second)
        threads.append(thread)
        second_results.append(results)
        thread.join(0.3)
        assert thread.is_alive(), "the second did not wait for the first"

    monkeypatch.setattr("connmon.telemetry.ticks._reopen", on_reopen)
    try:
        mine = first()
    finally:
        threads[0].join()
    return [mine, *second_results[0]]


def test_a_tick_of_two_workers_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)
    made = both_at_once(
        monkeypatch, lambda: actions.make_samples(now=NOW), lambda: actions.make_samples(now=NOW + timedelta(seconds=1))
    )
    assert made == [2, 0]
    assert (GameSample.objects.count(), ServerSample.objects.count(), Tick.objects.count()) == (1, 1, 1)


def test_the_second_makes_the_tick_if_the_first_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)

    calls: list[Any] = []

    def fail_first(at: datetime, *, step: int) -> datetime | None:
        calls.append(at)
        if len(calls) == 1:
            raise RuntimeError("the worker is gone")
        return None

    monkeypatch.setattr("connmon.telemetry.actions.tick_before", fail_first)
    with pytest.raises(RuntimeError):
        both_at_once(monkeypatch, lambda: actions.make_samples(now=NOW), lambda: actions.make_samples(now=NOW))
    assert (GameSample.objects.count(), Tick.objects.count()) == (1, 1)


def test_a_rollup_of_two_workers_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)
    actions.make_samples(now=NOW)
    later = NOW + timedelta(minutes=2)
    both_at_once(monkeypatch, lambda: actions.roll_up(now=later), lambda: actions.roll_up(now=later))
    assert GameSample.objects.filter(step=60).count() == 1
    assert not actions.roll_up(now=later)


@contextmanager
def another_moment_under_way(step: int) -> Iterator[None]:
    """As a worker holds it that makes another moment of this step."""
    with psycopg.connect(conninfo()) as holder:
        holder.execute(ticks.ALONE, {"kind": "state", "step": step})
        yield


def test_a_tick_is_left_out_while_the_one_before_it_is_made() -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)
    with another_moment_under_way(10):
        assert actions.make_samples(now=NOW) == 0
    assert not Tick.objects.exists()
    assert actions.make_samples(now=NOW + timedelta(seconds=10)) == 2


def test_a_rollup_waits_for_its_turn_while_another_of_its_step_is_made() -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)
    actions.make_samples(now=NOW)
    later = NOW + timedelta(minutes=2)
    with another_moment_under_way(60):
        assert not actions.roll_up(now=later)
    assert not GameSample.objects.filter(step=60).exists()
    assert actions.roll_up(now=later)
    assert GameSample.objects.filter(step=60).count() == 1


def test_types_of_two_workers_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    both_at_once(monkeypatch, lambda: actions.make_type_samples(now=NOW), lambda: actions.make_type_samples(now=NOW))
    assert (Tick.objects.count(), TypeSample.objects.count()) == (1, 0)


def test_a_missing_partition_is_made_once() -> None:
    moment = NOW + 50 * PARTITION_SPANS[10]
    threads = [in_another_worker(lambda: ensure_partitions(10, moment))[0] for _ in range(3)]
    for thread in threads:
        thread.join()
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=moment)
    assert actions.make_samples(now=moment) == 2
