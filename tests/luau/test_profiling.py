"""Callback profiles: what callbacks cost, by service, type and creation site."""

from typing import Any

import pytest

from tests.luau.conftest import Server

# A clock that callbacks move themselves, and a signal to fire.
CLOCK = (
    "shared.now = 0 CM.core.profiler.clock = function() return shared.now end "
    "shared.event = Instance.new('BindableEvent') local Utils = connmon.ConnectionUtils "
)


def profiles(server: Server) -> list[dict[str, Any]]:
    """GetCallbackProfiles()."""
    found: list[dict[str, Any]] = server.lua("return { CM:GetCallbackProfiles() }")[0] or []
    return found


def fire(server: Server, times: int) -> None:
    """Fires the event."""
    server.lua("for _ = 1, ... do shared.event:Fire() end", times)


def test_slow_callbacks_are_all_measured(server: Server) -> None:
    server.lua(
        CLOCK + "\nUtils:Connect(shared.event.Event, function() shared.now += 0.01 end, 'Combat', 'Hit', 'Event')",
        name="ServerScriptService.Combat",
    )
    fire(server, 100)
    (profile,) = profiles(server)
    assert (profile["Service"], profile["Type"], profile["Site"]) == ("Combat", "Event", "ServerScriptService.Combat:2")
    assert profile["Count"] == 100
    assert profile["Total"] == pytest.approx(1)
    assert profile["Max"] == pytest.approx(0.01)


def test_quantiles_are_right_to_within_a_bucket(server: Server) -> None:
    server.lua(
        CLOCK
        + """
        local count = 0
        Utils:Connect(shared.event.Event, function()
            count += 1
            shared.now += if count % 10 == 0 then 0.1 else 0.001
        end, 'Combat', 'Hit')
    """
    )
    fire(server, 1000)
    (profile,) = profiles(server)
    assert profile["P50"] == pytest.approx(0.001, rel=0.27)
    assert profile["P95"] == pytest.approx(0.1, rel=0.27)


def test_short_callbacks_are_sampled_so_that_measuring_stays_cheap(server: Server) -> None:
    server.lua(
        CLOCK
        + """
        local profiler = CM.core.profiler
        profiler.cost = 1e-6
        local sample = profiler.sample
        shared.samples = 0
        profiler.sample = function(...) shared.samples += 1 sample(...) end
        Utils:Connect(shared.event.Event, function() shared.now += 2e-6 end, 'Combat', 'Hit')
    """
    )
    fire(server, 20_000)
    samples = server.lua("return shared.samples")
    assert samples * 1e-6 / (20_000 * 2e-6) < 0.02
    assert samples > 100
    (profile,) = profiles(server)
    assert profile["Count"] == pytest.approx(20_000, rel=0.02)
    assert profile["Total"] == pytest.approx(0.04, rel=0.02)


def test_the_costliest_class_comes_first(server: Server) -> None:
    server.lua(
        CLOCK
        + """
        for index, service in { 'Cheap', 'Dear', 'Middling' } do
            local cost = ({ 0.001, 0.1, 0.01 })[index]
            Utils:Connect(shared.event.Event, function() shared.now += cost end, service, 'Hit')
        end
    """
    )
    fire(server, 5)
    assert [profile["Service"] for profile in profiles(server)] == ["Dear", "Middling", "Cheap"]


def test_heartbeats_are_measured(server: Server) -> None:
    server.lua(CLOCK + "CM:ConnectHeartbeat(function() shared.now += 0.01 end, 0.5, 'Combat')")
    server.vm.advance(5, fps=10)
    (profile,) = profiles(server)
    assert (profile["Type"], profile["Count"]) == ("RunService.Heartbeat", 10)


def test_a_call_that_waits_is_not_counted(server: Server) -> None:
    server.lua(CLOCK + "Utils:Connect(shared.event.Event, function() task.wait(1) end, 'Combat', 'Hit')")
    fire(server, 3)
    server.vm.advance(3)
    assert profiles(server) == []


def test_a_callback_that_fails_is_still_called_and_sampled_later(server: Server) -> None:
    server.lua(
        CLOCK
        + """
        local profiler = CM.core.profiler
        shared.calls = 0
        Utils:Connect(shared.event.Event, function()
            shared.calls += 1
            if shared.calls == 1 then error('bad') end
            shared.now += 0.01
        end, 'Combat', 'Hit')
    """
    )
    fire(server, 16_000)
    assert server.lua("return shared.calls") == 16_000
    assert profiles(server)[0]["Count"] > 0
    assert len(server.vm.errors) == 1
    server.vm.clear_errors()


def test_nothing_is_measured_while_profiling_is_off(server: Server) -> None:
    server.lua(
        CLOCK
        + """
        connmon.ConfigurationManager:Set('CONNECTION_MANAGEMENT', 'ENABLE_PROFILING', false)
        Utils:Connect(shared.event.Event, function() shared.now += 0.01 end, 'Combat', 'Hit')
    """
    )
    fire(server, 10)
    assert profiles(server) == []
    server.lua("connmon.ConfigurationManager:Set('CONNECTION_MANAGEMENT', 'ENABLE_PROFILING', true)")
    fire(server, 10)
    assert profiles(server)[0]["Count"] == 10


def test_a_service_may_be_left_out_of_profiling(server: Server) -> None:
    server.lua(
        CLOCK
        + """
        connmon.ConfigurationManager:Set('CONNECTION_MANAGEMENT', 'ENABLE_PROFILING', false, 'Combat')
        for _, service in { 'Combat', 'Lobby' } do
            Utils:Connect(shared.event.Event, function() shared.now += 0.01 end, service, 'Hit')
        end
    """
    )
    fire(server, 3)
    assert [profile["Service"] for profile in profiles(server)] == ["Lobby"]
