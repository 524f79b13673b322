"""ConnectionUtils: remote events, heartbeats and batches."""

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server
from tests.luau.test_utils import UTILS, live, output

REMOTES = (
    UTILS + "local Attack, Buy = Instance.new('RemoteEvent'), Instance.new('UnreliableRemoteEvent') "
    "Attack.Name, Buy.Name = 'Attack', 'Buy' "
)


# --- remote events ---------------------------------------------------------------------------------------------------


def test_remote_events_are_connected_by_name(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(f"""
        {REMOTES}
        local made = Utils:SetupRemoteEvents('Combat', {{
            Attack = {{ Attack, function(player, damage) print(player.Name, damage) end }},
            Buy = {{ Buy, function() end }},
        }})
        Attack:FireServer(Players:GetPlayers()[1], 7)
        assert(made.Attack.Connected and made.Buy.Connected)
    """)
    assert output(server) == ["Ann 7"]
    types = server.stats()["Types"]
    assert (types["RemoteEvent.OnServerEvent"], types["UnreliableRemoteEvent.OnServerEvent"]) == (1, 1)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (
            "SetupRemoteEvents('S', { A = { Attack, print }, F = { Instance.new('RemoteFunction'), print } })",
            "OnServerIn",
        ),
        ("SetupRemoteEvents('S', { A = { Attack, print }, P = { workspace, print } })", "takes a RemoteEvent"),
        ("SetupRemoteEvents('S', { A = { Attack, 5 } })", "callback takes"),
        ("SetupRemoteEvents('S', { A = Attack })", "remoteEvents takes"),
        ("SetupRemoteEvents('S', nil)", "remoteEvents takes"),
        ("SetupRemoteEvents(nil, { A = { Attack, print } })", "owner takes"),
        ("SetupRemoteEventsBatch('S', { { Event = Attack } })", "eventDefinitions takes"),
        ("SetupRemoteEventsBatch('S', 5)", "eventDefinitions takes"),
        (
            "SetupRemoteEventsBatch('S', { { Event = Attack, Callback = print, Name = 'A' }, "
            "{ Event = Buy, Callback = print, Name = 'A' } })",
            '"A" stands there twice',
        ),
    ],
)
def test_one_useless_remote_event_and_none_is_connected(server: Server, call: str, complaint: str) -> None:
    with pytest.raises(LuauError, match=complaint):
        server.lua(f"{REMOTES} Utils:{call}")
    assert server.live() == 0


def test_remote_definitions_may_be_essential_and_nameless(server: Server) -> None:
    result = server.lua(f"""
        {REMOTES}
        Utils:SetupRemoteEventsBatch('Shop', {{
            {{ Event = Attack, Callback = print }},
            {{ Event = Buy, Callback = print, Name = 'Buy', Essential = true }},
        }})
        return CM:EmergencyCleanup({{ Services = {{ 'Shop' }} }})
    """)
    assert (result["Closed"], result["Essential"]) == (1, 1)


# --- heartbeats ------------------------------------------------------------------------------------------------------


def test_a_heartbeat_keeps_its_interval_without_drift(server: Server) -> None:
    server.lua(f"{UTILS} shared.calls = 0 Utils:SetupHeartbeat('S', function() shared.calls += 1 end, 0.25)")
    server.vm.advance(100, fps=7)
    assert server.lua("return shared.calls") == pytest.approx(400, abs=1)


SLOW = (
    UTILS + "shared.now, shared.calls, shared.cost = 0, 0, 0 "
    "CM.core.profiler.clock = function() return shared.now end "
    "local function work() shared.calls += 1 shared.now += shared.cost end "
)


def test_a_heartbeat_that_is_too_slow_three_times_in_a_row_is_stopped_with_a_report(server: Server) -> None:
    server.lua(SLOW + "shared.cost = 0.02 shared.connection = Utils:SetupHeartbeat('S', work, 0, 0.01)")
    server.vm.advance(1, fps=10)
    assert server.lua("return shared.calls, shared.connection.Connected") == [3, False]
    assert (server.live(), live(server, "S")) == (0, 0)
    assert any("took 0.02 s, more than its 0.01 s 3 times in a row" in text for _, text in server.vm.output)


def test_a_heartbeat_that_is_slow_now_and_then_goes_on(server: Server) -> None:
    server.lua(
        SLOW
        + """
        Utils:SetupHeartbeat('S', function()
            shared.cost = if shared.calls % 3 == 0 then 0 else 0.02
            work()
        end, 0, 0.01)
    """
    )
    server.vm.advance(2, fps=10)
    assert server.lua("return shared.calls") == 20


def test_time_that_a_heartbeat_waits_is_not_its_own(server: Server) -> None:
    server.lua(f"{UTILS} Utils:SetupHeartbeat('S', function() task.wait(0.5) end, 0, 0.01)")
    server.vm.advance(3, fps=10)
    assert live(server, "S") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("'S', nil, 1", "callback takes a function"),
        ("'S', print, -1, 1", "interval seconds from 0 on"),
        ("'S', print, 1, 0", "maxExecutionTime takes seconds above 0"),
        ("'S', print, 1, 0/0", "maxExecutionTime takes seconds above 0"),
        ("'S', print, 1, 'x'", "maxExecutionTime takes seconds above 0"),
        ("nil, print, 1, 1", "owner takes"),
    ],
)
def test_a_useless_heartbeat_is_refused(server: Server, arguments: str, complaint: str) -> None:
    with pytest.raises(LuauError, match=complaint):
        server.lua(f"{UTILS} Utils:SetupHeartbeat({arguments})")
    assert server.live() == 0


# --- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_connects_all_and_returns_them_by_name(server: Server) -> None:
    result = server.lua(f"""
        {UTILS}
        local made = Utils:ConnectBatch('Round', {{
            {{ Quiet, print }},
            {{ Quiet, print, 'Ended', 'BindableEvent.Event' }},
        }})
        return made.Ended.Connected, made['Custom#1'].Connected
    """)
    assert result == [True, True]
    assert live(server, "Round") == 2


def test_a_batch_whose_signal_fails_leaves_nothing_behind(server: Server) -> None:
    with pytest.raises(LuauError, match="broken"):
        server.lua(f"""
            {UTILS}
            Utils:ConnectBatch('Round', {{
                {{ Quiet, print, 'first' }},
                {{ {{ Connect = function() error('broken') end }}, print }},
            }})
        """)
    assert (server.live(), live(server, "Round")) == (0, 0)


@pytest.mark.parametrize("pairs", ["nil", "5", "{ Quiet }", "{ { Quiet } }", "{ { Quiet, print, 5 } }"])
def test_a_useless_batch_is_refused(server: Server, pairs: str) -> None:
    with pytest.raises(LuauError, match="ConnectBatch: "):
        server.lua(f"{UTILS} Utils:ConnectBatch('Round', {pairs})")
    assert server.live() == 0
