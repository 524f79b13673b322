"""Profiles of callbacks: what they cost, by service, type and creation site, and what measuring costs."""

import random
from collections.abc import Callable

import pytest

from connmon_agent import CallbackProfile
from connmon_agent.profiles import SHARE
from tests.agents.python.game import Game


def profile_of(game: Game, service: str) -> CallbackProfile:
    """The one profile of a service."""
    (found,) = [profile for profile in game.manager.get_callback_profiles() if profile.service == service]
    return found


def busy(game: Game, seconds: float) -> Callable[[float], None]:
    """A callback that takes a while."""

    def callback(_: float) -> None:
        game.clock.time += seconds

    return callback


def test_the_time_of_a_callback_is_measured_by_service_type_and_site(game: Game) -> None:
    signal = game.signal()

    def work(seconds: float) -> None:
        game.clock.time += seconds

    game.utils.connect(signal, work, "Combat", "Hit", "Touch")
    for number in range(100):
        signal.fire(0.5 if number == 50 else 0.01)
    profile = profile_of(game, "Combat")
    assert (profile.type, profile.count) == ("Touch", 100)
    assert profile.site.startswith("tests.agents.python.test_profiles:")
    assert profile.total == pytest.approx(1.49)
    assert profile.max == pytest.approx(0.5)
    assert profile.p50 == pytest.approx(0.01, rel=0.26)
    assert profile.p95 == pytest.approx(0.01, rel=0.26)


def test_heartbeats_are_measured_too(game: Game) -> None:
    game.manager.connect_heartbeat(busy(game, 0.2), 0, "Spawner")
    game.tick(0.1, times=10)
    assert profile_of(game, "Spawner").total == pytest.approx(2)


def test_the_heaviest_comes_first(game: Game) -> None:
    for service, seconds in (("Light", 0.01), ("Heavy", 0.1)):
        game.manager.connect_heartbeat(busy(game, seconds), 0, service)
    game.tick(0.1, times=10)
    assert [profile.service for profile in game.manager.get_callback_profiles()] == ["Heavy", "Light"]


def test_a_callback_that_fails_is_measured(game: Game) -> None:
    def fail(_: float) -> None:
        game.clock.time += 0.1
        raise OSError("bad callback")

    game.manager.connect_heartbeat(fail, 0, "Combat")
    game.tick(0.1, times=3)
    assert profile_of(game, "Combat").total == pytest.approx(0.3)


def test_profiling_is_switched_off_and_on_by_the_settings_for_one_service_or_all(game: Game) -> None:
    configuration = game.manager.configuration
    for service in ("Combat", "Lobby"):
        game.manager.connect_heartbeat(busy(game, 0.1), 0, service)
    configuration.set("CONNECTION_MANAGEMENT", "ENABLE_PROFILING", False, service="Combat")
    game.tick(0.1, times=5)
    assert [(p.service, p.count) for p in game.manager.get_callback_profiles()] == [("Lobby", 5)]
    configuration.set("CONNECTION_MANAGEMENT", "ENABLE_PROFILING", False)
    configuration.set("CONNECTION_MANAGEMENT", "ENABLE_PROFILING", True, service="Combat")
    game.tick(0.1, times=5)
    assert {p.service: p.count for p in game.manager.get_callback_profiles()} == {"Lobby": 5, "Combat": 5}


def test_a_callback_that_calls_itself_is_measured_once_from_outside(game: Game) -> None:
    signal = game.signal()

    def recurse(depth: int) -> None:
        game.clock.time += 0.01
        if depth:
            signal.fire(depth - 1)

    game.utils.connect(signal, recurse, "Deep", "n")
    signal.fire(5)
    assert profile_of(game, "Deep").max == pytest.approx(0.06)


def test_short_callbacks_are_sampled_and_the_total_is_estimated() -> None:
    chance = random.Random(5)
    game = Game(random=chance.random)
    signal = game.signal()
    game.utils.connect(signal, lambda: setattr(game.clock, "time", game.clock.time + 1e-6), "Short", "n")
    for _ in range(20_000):
        signal.fire()
    profile = profile_of(game, "Short")
    samples = game.manager.core.profiler.cost / (SHARE * 1e-6)
    assert samples > 10
    assert profile.count == pytest.approx(20_000, abs=3 * samples)
    assert profile.total == pytest.approx(profile.count * 1e-6, rel=0.1)


@pytest.mark.parametrize("seconds", [1e-6, 1e-5, 1e-4, 1e-3])
def test_measuring_costs_less_than_two_percent_of_the_callbacks_own_time(seconds: float) -> None:
    """On a modelled clock: samples taken, times what one costs, against the time in callbacks."""
    game = Game(random=random.Random(5).random)
    profiler, signal = game.manager.core.profiler, game.signal()
    profiler.cost = 2e-6
    readings = 0

    def clock() -> float:
        nonlocal readings
        readings += 1
        return game.clock()

    profiler.clock = clock
    game.utils.connect(signal, busy(game, seconds), "Busy", "n")
    for _ in range(20_000):
        signal.fire(0.0)
    samples = readings / 2
    assert samples > 100
    assert samples * profiler.cost < 0.02 * 20_000 * seconds
