"""What reports say of callback profiles: seldom, since boot, the heaviest first, and never at the cost of the rest."""

import json
from typing import Any

from connmon.wire import v1
from tests.luau.backend import Canned
from tests.luau.conftest import Server

CONNECT = """
    local name, seconds = ...
    shared.events = shared.events or {}
    shared.events[name] = Instance.new('BindableEvent')
    local Utils, signal = connmon.ConnectionUtils, shared.events[name].Event
    Utils:Connect(signal, function() shared.now += seconds end, name, 'Hit', 'Event')
"""
FIRE = "local name, times = ... for _ = 1, times do shared.events[name]:Fire() end"


def prepared(server: Server, **seconds: float) -> Server:
    """Services with one callback each, which takes so many seconds by the profiler's clock."""
    server.lua("shared.now = 0 CM.core.profiler.clock = function() return shared.now end")
    for name, cost in seconds.items():
        server.lua(CONNECT, name, cost, name=f"ServerScriptService.{name}")
    return server


def fire(server: Server, name: str, times: int = 10) -> None:
    """Calls a service's callback."""
    server.lua(FIRE, name, times)
    server.vm.frame(0.01)


def sent(server: Server) -> list[list[v1.Profile]]:
    """The profiles of every report that was taken and has any."""
    return [report.profiles for report in server.backend.received if report.profiles]


def wait_for_profiles(server: Server, count: int) -> list[v1.Profile]:
    """Lets time pass until `count` reports with profiles have come; the last one's."""
    server.wait_for(lambda: len(sent(server)) == count)
    return sent(server)[-1]


def test_a_report_says_what_callbacks_have_cost(reporting: Server) -> None:
    prepared(reporting, Combat=0.01)
    fire(reporting, "Combat")
    (profile,) = wait_for_profiles(reporting, 1)
    assert (profile.service, profile.type) == ("Combat", "Event")
    assert profile.site == "ServerScriptService.Combat:6"
    assert (profile.count, profile.total_us, profile.max_us) == (10, 100_000, 10_000)
    assert 7_900 <= profile.p50_us <= profile.p95_us <= 10_000


def test_the_heaviest_comes_first_and_what_never_ran_is_left_out(reporting: Server) -> None:
    prepared(reporting, Cheap=0.01, Dear=0.5, Quiet=0.1)
    for name in ("Cheap", "Dear"):
        fire(reporting, name)
    assert [profile.service for profile in wait_for_profiles(reporting, 1)] == ["Dear", "Cheap"]


def test_profiles_count_from_the_boot_on_and_come_once_a_minute(reporting: Server) -> None:
    prepared(reporting, Combat=0.01)
    fire(reporting, "Combat")
    wait_for_profiles(reporting, 1)
    fire(reporting, "Combat", 5)
    reporting.pass_time(50)
    assert len(sent(reporting)) == 1
    (profile,) = wait_for_profiles(reporting, 2)
    assert (profile.count, profile.total_us) == (15, 150_000)
    times = [report.sent_at for report in reporting.backend.received if report.profiles]
    assert times[1] - times[0] >= 60


def test_only_what_ran_since_is_sent_again(reporting: Server) -> None:
    prepared(reporting, Combat=0.01, Lobby=0.01)
    fire(reporting, "Combat")
    fire(reporting, "Lobby")
    wait_for_profiles(reporting, 1)
    fire(reporting, "Lobby")
    assert [profile.service for profile in wait_for_profiles(reporting, 2)] == ["Lobby"]
    reporting.pass_time(150)
    assert len(sent(reporting)) == 2


def test_a_report_carries_at_most_a_hundred_profiles(reporting: Server) -> None:
    prepared(reporting)
    names = [f"Service{number:03}" for number in range(130)]
    for number, name in enumerate(names):
        reporting.lua(CONNECT, name, 0.01 + number / 1_000, name=f"ServerScriptService.{name}")
        fire(reporting, name, 1)
    profiles = wait_for_profiles(reporting, 1)
    assert [profile.service for profile in profiles] == names[:29:-1]


def test_long_and_hostile_names_keep_within_the_bounds(reporting: Server) -> None:
    prepared(reporting)
    for number in range(100):
        name = f'{number}\u202e"\\\0' + "é" * 120
        reporting.lua(CONNECT, name, 0.01)
        fire(reporting, name, 1)
    profiles = wait_for_profiles(reporting, 1)
    assert 50 < len(profiles) <= 100
    assert not reporting.lua("return connmon.status().refused")


def test_with_profiling_off_nothing_is_sent(reporting: Server) -> None:
    prepared(reporting, Combat=0.01, Lobby=0.01)
    reporting.lua("connmon.ConfigurationManager:Set('CONNECTION_MANAGEMENT', 'ENABLE_PROFILING', false, 'Combat')")
    fire(reporting, "Combat")
    fire(reporting, "Lobby")
    assert [profile.service for profile in wait_for_profiles(reporting, 1)] == ["Lobby"]


def test_classes_of_one_place_are_one_profile(reporting: Server) -> None:
    prepared(reporting)
    reporting.lua(
        """
        local event = Instance.new('BindableEvent').Event
        shared.events = { both = Instance.new('BindableEvent') }
        local signal = shared.events.both.Event
        local function work() shared.now += 0.01 end
        for _, essential in { true, false } do
            CM:connectFor({ call = 'x', source = 'ServerScriptService.S', line = 7 },
                signal, 'Event', work, 'Combat', nil, { Essential = essential })
        end
    """
    )
    fire(reporting, "both")
    (profile,) = wait_for_profiles(reporting, 1)
    assert profile.count == 20
    found: list[Any] = reporting.lua("return { CM:GetCallbackProfiles() }")[0]
    assert [one["Count"] for one in found] == [20]


def test_what_a_refused_report_said_of_profiles_is_said_again(reporting: Server) -> None:
    prepared(reporting, Combat=0.01)
    reporting.wait_for(lambda: len(reporting.backend.received) == 1)
    fire(reporting, "Combat")
    reporting.backend.canned.append(Canned(422))
    (profile,) = wait_for_profiles(reporting, 1)
    assert profile.count == 10
    assert len(reporting.backend.bodies) == 3


def test_a_new_boot_counts_from_nothing(reporting: Server) -> None:
    prepared(reporting, Combat=0.01)
    fire(reporting, "Combat")
    wait_for_profiles(reporting, 1)
    reporting.backend.canned.append(Canned(409))
    boot = reporting.backend.received[-1].server.boot
    reporting.wait_for(lambda: reporting.backend.received[-1].server.boot != boot)
    assert len(sent(reporting)) == 1
    fire(reporting, "Combat", 3)
    (profile,) = wait_for_profiles(reporting, 2)
    assert (profile.count, profile.total_us, profile.max_us) == (3, 30_000, 10_000)


def test_the_farewell_carries_profiles_before_their_minute_is_over(reporting: Server) -> None:
    prepared(reporting, Combat=0.01)
    fire(reporting, "Combat")
    wait_for_profiles(reporting, 1)
    fire(reporting, "Combat", 5)
    reporting.vm.close()
    reporting.pass_time(1)
    last = reporting.backend.received[-1]
    assert last.closing
    assert [profile.count for profile in last.profiles] == [15]


def test_profiles_yield_to_everything_else_in_a_full_report(reporting: Server) -> None:
    prepared(reporting, Dear=0.5, Middling=0.1, Cheap=0.01)
    for name in ("Cheap", "Middling", "Dear"):
        fire(reporting, name)
    taken = reporting.lua("""
        local Profiles = require(game:GetService('ServerScriptService').connmon.Profiles)
        local profiles = Profiles.new(CM.core.profiler)
        return profiles:take(0, 0, false), profiles:take(0, 400, false), profiles:take(60, 400, false)
    """)
    nothing, first, second = (json.loads(f"[{entries}]") for entries in taken)
    assert nothing == []
    assert [profile["service"] for profile in first] == ["Dear", "Middling"]
    assert [profile["service"] for profile in second] == ["Cheap"]
