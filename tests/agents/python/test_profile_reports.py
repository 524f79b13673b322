"""What reports say of callback profiles: seldom, since boot, the heaviest first, and never at the cost of the rest."""

import json
from collections.abc import Callable

from connmon.wire import v1
from connmon_agent import Signal
from connmon_agent.profile_report import ProfileReport
from tests.agents.python.backend import Canned
from tests.agents.python.game import Game


def callback(game: Game, seconds: float) -> Callable[..., None]:
    """A callback that takes so long by the host's clock for durations."""

    def work(*_: object) -> None:
        game.clock.time += seconds

    return work


def connect(game: Game, name: str, seconds: float) -> Signal:
    """A signal with a callback of the service `name`."""
    signal = game.signal()
    game.utils.connect(signal, callback(game, seconds), name, "Hit", "Event")
    return signal


def fire(signal: Signal, times: int = 4) -> None:
    """Calls a callback."""
    for _ in range(times):
        signal.fire()


def sent(game: Game) -> list[list[v1.Profile]]:
    """The profiles of every report that was taken and has any."""
    return [report.profiles for report in game.backend.received if report.profiles]


def wait_for_profiles(game: Game, count: int) -> list[v1.Profile]:
    """Lets time pass until `count` reports with profiles have come; the last one's."""
    game.wait_for(lambda: len(sent(game)) == count)
    return sent(game)[-1]


def test_a_report_says_what_callbacks_have_cost(reporting: Game) -> None:
    fire(connect(reporting, "Combat", 0.25))
    (profile,) = wait_for_profiles(reporting, 1)
    assert (profile.service, profile.type) == ("Combat", "Event")
    assert profile.site.startswith("tests.agents.python.test_profile_reports:")
    assert (profile.count, profile.total_us, profile.max_us) == (4, 1_000_000, 250_000)
    assert (profile.p50_us, profile.p95_us) == (250_000, 250_000)


def test_the_heaviest_comes_first_and_what_never_ran_is_left_out(reporting: Game) -> None:
    cheap, dear = connect(reporting, "Cheap", 0.25), connect(reporting, "Dear", 0.5)
    connect(reporting, "Quiet", 0.5)
    fire(cheap)
    fire(dear)
    assert [profile.service for profile in wait_for_profiles(reporting, 1)] == ["Dear", "Cheap"]


def test_profiles_count_from_the_boot_on_and_come_once_a_minute(reporting: Game) -> None:
    signal = connect(reporting, "Combat", 0.25)
    fire(signal)
    wait_for_profiles(reporting, 1)
    fire(signal)
    reporting.pass_time(50)
    assert len(sent(reporting)) == 1
    (profile,) = wait_for_profiles(reporting, 2)
    assert (profile.count, profile.total_us) == (8, 2_000_000)
    times = [report.sent_at for report in reporting.backend.received if report.profiles]
    assert times[1] - times[0] >= 60


def test_only_what_ran_since_is_sent_again(reporting: Game) -> None:
    combat, lobby = connect(reporting, "Combat", 0.25), connect(reporting, "Lobby", 0.25)
    fire(combat)
    fire(lobby)
    wait_for_profiles(reporting, 1)
    fire(lobby)
    assert [profile.service for profile in wait_for_profiles(reporting, 2)] == ["Lobby"]
    reporting.pass_time(150)
    assert len(sent(reporting)) == 2


def test_a_report_carries_at_most_a_hundred_profiles(reporting: Game) -> None:
    names = [f"Service{number:03}" for number in range(130)]
    for number, name in enumerate(names):
        fire(connect(reporting, name, (number + 1) / 64), 1)
    assert [profile.service for profile in wait_for_profiles(reporting, 1)] == names[:29:-1]


def test_long_and_hostile_names_keep_within_the_bounds(reporting: Game) -> None:
    for number in range(100):
        name = f'{number}\u202e"\\\0' + "é" * 120
        signal = reporting.signal()
        reporting.utils.connect(signal, callback(reporting, 0.25), name, "Hit", f"{number}\u202e")
        fire(signal, 1)
    profiles = wait_for_profiles(reporting, 1)
    assert 20 < len(profiles) <= 100
    assert reporting.agent is not None
    assert reporting.agent.status().refused == 0


def test_classes_of_one_place_are_one_profile(reporting: Game) -> None:
    heartbeats = {}
    for essential in (True, False):
        heartbeats[essential] = reporting.manager.connect_heartbeat(
            callback(reporting, 0.25), 0, "Combat", essential=essential
        )
    reporting.tick(0.1)
    (profile,) = wait_for_profiles(reporting, 1)
    assert profile.count == 2
    assert [one.count for one in reporting.manager.get_callback_profiles()] == [2]


def test_a_new_boot_counts_from_nothing(reporting: Game) -> None:
    signal = connect(reporting, "Combat", 0.25)
    fire(signal)
    wait_for_profiles(reporting, 1)
    reporting.backend.canned.append(Canned(409))
    reporting.wait_for(lambda: len(reporting.backend.boots) == 2)
    assert len(sent(reporting)) == 1
    fire(signal, 2)
    (profile,) = wait_for_profiles(reporting, 2)
    assert (profile.count, profile.total_us, profile.max_us) == (2, 500_000, 250_000)


def test_a_new_boot_counts_the_pools_from_nothing(reporting: Game) -> None:
    reporting.manager.connect_heartbeat(callback(reporting, 0), 1, "Combat")
    reporting.next_report()
    assert reporting.backend.known.pools["RunService.Heartbeat"].misses == 1
    reporting.backend.canned.append(Canned(409))
    reporting.wait_for(lambda: len(reporting.backend.boots) == 2)
    assert reporting.backend.known.pools["RunService.Heartbeat"].misses == 0


def test_profiles_yield_to_everything_else_in_a_full_report(reporting: Game) -> None:
    for name, seconds in {"Cheap": 0.25, "Middling": 0.5, "Dear": 0.75}.items():
        fire(connect(reporting, name, seconds))
    profiles = ProfileReport(reporting.manager.core.profiler)
    assert profiles.take(0, 0, last=False) == ""
    first = json.loads(f"[{profiles.take(0, 450, last=False)}]")
    assert [profile["service"] for profile in first] == ["Dear", "Middling"]
    assert profiles.take(59, 450, last=False) == ""
    (second,) = json.loads(f"[{profiles.take(60, 450, last=False)}]")
    assert second["service"] == "Cheap"
