"""Heartbeats: an interval without drift, and callbacks that take too long."""

from collections.abc import Callable

import pytest

from connmon_agent import RefusedCall
from tests.agents.python.game import Game, named, nothing


def test_a_heartbeat_keeps_its_interval_without_drift(game: Game) -> None:
    calls: list[float] = []
    game.utils.setup_heartbeat("Spawner", calls.append, 0.5)
    game.tick(0.07, times=1_000)  # 70 s
    assert len(calls) == 140
    assert sum(calls) == pytest.approx(70, abs=0.08)


def test_a_late_tick_makes_one_heartbeat_call_not_several(game: Game) -> None:
    calls: list[float] = []
    game.utils.setup_heartbeat("Spawner", calls.append, 0.5)
    game.tick(10)
    assert calls == [10]


@pytest.mark.parametrize("interval", [-1, float("nan"), float("inf"), "x", None, True], ids=named)
def test_an_interval_of_no_use_is_refused(game: Game, interval: float) -> None:
    with pytest.raises(RefusedCall, match="interval seconds from 0 on"):
        game.utils.setup_heartbeat("Spawner", nothing, interval)
    with pytest.raises(RefusedCall, match=r"connect_heartbeat.*interval seconds from 0 on"):
        game.manager.connect_heartbeat(nothing, interval, "Spawner")
    assert game.live() == 0


@pytest.mark.parametrize("limit", [-1, 0, float("nan"), "x", True], ids=named)
def test_a_limit_of_no_use_is_refused(game: Game, limit: float) -> None:
    with pytest.raises(RefusedCall, match="max_execution_time takes seconds above 0"):
        game.utils.setup_heartbeat("Spawner", nothing, 1, limit)


def take(game: Game, seconds: float) -> Callable[[float], None]:
    """A callback that takes a while."""

    def callback(_: float) -> None:
        game.clock.time += seconds

    return callback


def test_a_callback_that_is_too_slow_three_times_in_a_row_is_stopped_and_reported(game: Game) -> None:
    problems: list[str] = []
    game.manager.core.on_problem.connect(problems.append)
    connection, _ = game.utils.setup_heartbeat("Spawner", take(game, 0.2), 0, 0.1)
    game.tick(0.1, times=2)
    assert connection.connected
    game.tick(0.1)
    assert (connection.connected, game.of("Spawner").live) == (False, 0)
    assert "took 0.2 s, more than its 0.1 s 3 times in a row, and was stopped" in problems[0]
    assert game.logged("was stopped") == 1


def test_a_callback_that_is_slow_now_and_then_goes_on(game: Game) -> None:
    calls: list[float] = []

    def callback(elapsed: float) -> None:
        calls.append(elapsed)
        game.clock.time += 0.2 if len(calls) % 3 else 0

    connection, _ = game.utils.setup_heartbeat("Spawner", callback, 0, 0.1)
    game.tick(0.1, times=30)
    assert (len(calls), connection.connected) == (30, True)


def test_a_slow_callback_that_fails_is_stopped_too(game: Game) -> None:
    def callback(_: float) -> None:
        game.clock.time += 0.2
        raise OSError("bad callback")

    connection, _ = game.utils.setup_heartbeat("Spawner", callback, 0, 0.1)
    game.tick(0.1, times=5)
    assert (connection.connected, game.logged("bad callback")) == (False, 3)
