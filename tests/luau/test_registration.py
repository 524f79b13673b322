"""Registering and unregistering connections."""

from typing import Any

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server


def test_a_registered_connection_is_counted_under_its_service(server: Server) -> None:
    server.lua("CM:RegisterConnection('service:Combat', 'Hit', Quiet:Connect(print), 'RunService.Stepped')")
    stats = server.stats()
    assert stats["Services"]["Combat"] == {"Live": 1, "Opened": 1, "Closed": 0, "Idle": 0, "Orphaned": 0, "Stale": 0}
    assert stats["Types"]["RunService.Stepped"] == 1


def test_unregistering_disconnects_the_connection(server: Server) -> None:
    result = server.lua("""
        local connection = Quiet:Connect(print)
        CM:RegisterConnection('service:Combat', 'Hit', connection, 'Custom')
        return CM:UnregisterConnection('service:Combat', 'Hit'), connection.Connected
    """)
    assert result == [True, False]


def test_unregistering_what_is_not_there_says_false(server: Server) -> None:
    assert server.lua("return CM:UnregisterConnection('service:Combat', 'Hit')") is False


def test_a_name_taken_twice_disconnects_the_old_connection(server: Server) -> None:
    result = server.lua("""
        local old, new = Quiet:Connect(print), Quiet:Connect(print)
        CM:RegisterConnection('service:Combat', 'Hit', old, 'Custom')
        CM:RegisterConnection('service:Combat', 'Hit', new, 'Custom')
        return old.Connected, new.Connected, CM:GetConnectionStats().Services.Combat.Live
    """)
    assert result == [False, True, 1]


def test_the_same_connection_registered_twice_stays_connected(server: Server) -> None:
    result = server.lua("""
        local connection = Quiet:Connect(print)
        local first = CM:RegisterConnection('service:Combat', 'Hit', connection, 'Custom')
        local second = CM:RegisterConnection('service:Combat', 'Hit', connection, 'Custom')
        return first == second, connection.Connected, CM:GetConnectionStats().Services.Combat.Live
    """)
    assert result == [True, True, 1]


def test_an_id_is_never_used_twice_though_its_slot_is(server: Server) -> None:
    result = server.lua("""
        local first = CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom')
        CM:UnregisterConnection('Combat', 'Hit')
        local second = CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom')
        return second > first
    """)
    assert result is True


def test_a_dead_connection_is_refused_with_an_error_that_names_the_caller(server: Server) -> None:
    with pytest.raises(LuauError, match=r'"Hit" is already disconnected.*\(called at ServerScriptService.Combat:4\)'):
        server.lua(
            """
            local connection = Quiet:Connect(print)
            connection:Disconnect()
            CM:RegisterConnection('service:Combat', 'Hit', connection, 'Custom')
            """,
            name="ServerScriptService.Combat",
        )


def test_an_error_through_pcall_still_names_the_caller(server: Server) -> None:
    ok, message = server.lua("return pcall(CM.RegisterConnection, CM, 'Combat', 'Hit', nil, 'Custom')")
    assert not ok
    assert "(called at ServerScriptService.Script:1)" in message


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("nil, 'Hit', Quiet:Connect(print)", "owner takes"),
        ("5, 'Hit', Quiet:Connect(print)", "owner takes"),
        ("'', 'Hit', Quiet:Connect(print)", "owner takes"),
        ("'Combat', '', Quiet:Connect(print)", "connectionName takes"),
        ("'Combat', nil, Quiet:Connect(print)", "connectionName takes"),
        ("'Combat', 'Hit', {}", "is no connection"),
        ("'Combat', 'Hit', 7", "is no connection"),
        ("'Combat', 'Hit', function() end", "is no connection"),
    ],
)
def test_useless_arguments_are_refused_and_leave_nothing_behind(server: Server, arguments: str, complaint: str) -> None:
    with pytest.raises(LuauError, match=complaint):
        server.lua(f"CM:RegisterConnection({arguments}, 'Custom')")
    assert server.stats()["Live"] == server.stats()["Services"]["connmon"]["Live"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("5", "connectionType takes a text"),
        ("''", "connectionType takes a text"),
        ("{}", "connectionType takes a text"),
        ("'Custom', 5", "options takes"),
        ("'Custom', { Service = 5 }", "Service takes a text"),
        ("'Custom', { Service = '' }", "Service takes a text"),
    ],
)
def test_useless_types_and_options_are_refused_and_reports_go_on(
    reporting: Server, arguments: str, complaint: str
) -> None:
    with pytest.raises(LuauError, match=f"RegisterConnection: {complaint}"):
        reporting.lua(f"CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), {arguments})")
    reporting.lua("CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom')")
    reporting.wait_for(lambda: bool(reporting.backend.received))
    assert reporting.stats()["Services"]["Combat"]["Opened"] == 1


@pytest.mark.parametrize(
    "call", ["ConnectHeartbeat(print, 1, 'S', 5)", "ConnectPlayerEvent('PlayerAdded', print, 'S', 5)"]
)
def test_useless_options_of_a_connecting_call_leave_nothing_connected(server: Server, call: str) -> None:
    with pytest.raises(LuauError, match="options takes"):
        server.lua(f"CM:{call}")
    assert server.live() == 0


@pytest.mark.parametrize("scope", ["5", "'Combat'", "{ Services = 'Combat' }", "{ States = 5 }"])
def test_a_useless_scope_closes_nothing(server: Server, scope: str) -> None:
    server.lua("CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom')")
    with pytest.raises(LuauError, match=r"EmergencyCleanup: scope takes .*Script:1\)"):
        server.lua(f"CM:EmergencyCleanup({scope})")
    assert server.live() == 1


def test_an_instance_is_no_connection(server: Server) -> None:
    with pytest.raises(LuauError, match=r"is no connection.*Script:1\)"):
        server.lua("CM:RegisterConnection('Combat', 'Hit', workspace, 'Custom')")


SIGNAL_LIBRARIES = {
    "Connected as a field": "{ Connected = true, Disconnect = function(self) self.Connected = false end }",
    "_connected, and an error for any other name": """
        setmetatable({ _connected = true }, { __index = function(_, key)
            if key == 'Disconnect' then return function(self) self._connected = false end end
            error('not a valid member')
        end })""",
    "Connected through a metatable": """
        (function()
            local on = true
            return setmetatable({}, { __index = function(_, key)
                if key == 'Connected' then return on end
                return function() on = false end
            end })
        end)()""",
    "Disconnect alone": "{ Disconnect = function(self) self.gone = true end }",
}


@pytest.mark.parametrize("connection", SIGNAL_LIBRARIES.values(), ids=SIGNAL_LIBRARIES.keys())
def test_connections_of_signal_libraries_are_taken(server: Server, connection: str) -> None:
    result = server.lua(f"""
        CM:RegisterConnection('Combat', 'Hit', {connection}, 'Signal')
        return CM:UnregisterConnection('Combat', 'Hit')
    """)
    assert result is True


def test_the_creation_site_is_the_line_that_registered(reporting: Server) -> None:
    reporting.lua(
        "\n\nCM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom')",
        name="ServerScriptService.Combat",
    )
    reporting.wait_for(lambda: bool(reporting.backend.received))
    (event,) = [event for event in reporting.backend.only().registry.values() if event.name == "Hit"]
    assert event.site == "ServerScriptService.Combat:3"


def test_connecting_helpers_return_the_connection_and_its_name(server: Server) -> None:
    results = server.lua("""
        local remote = Instance.new('RemoteEvent')
        local connection, name = CM:ConnectRemoteEvent(remote, print, 'Combat')
        return connection.Connected, CM:UnregisterConnection('Combat', name), connection.Connected
    """)
    assert results == [True, True, False]


def test_names_made_by_the_manager_never_collide(server: Server) -> None:
    server.lua("for _ = 1, 200 do CM:ConnectHeartbeat(function() end, 1, 'Combat') end")
    assert server.stats()["Services"]["Combat"]["Live"] == 200
    assert server.stats()["Pools"]["RunService.Heartbeat"]["InUse"] == 50
    assert server.live() == 1


def test_a_player_event_reaches_its_callback(server: Server) -> None:
    server.lua("CM:ConnectPlayerEvent('PlayerAdded', function(player) print(player.Name) end, 'Lobby')")
    server.vm.join("Ann", 1)
    assert server.vm.output == [("print", "Ann")]


def test_an_unknown_player_event_is_refused(server: Server) -> None:
    with pytest.raises(LuauError, match='Players has no event "PlayerJoined"'):
        server.lua("CM:ConnectPlayerEvent('PlayerJoined', print, 'Lobby')")


def test_a_remote_event_brings_player_and_arguments(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua("""
        local remote = Instance.new('RemoteEvent')
        CM:ConnectRemoteEvent(remote, function(player, damage) print(player.Name, damage) end, 'Combat')
        remote:FireServer(Players:GetPlayers()[1], 7)
    """)
    assert server.vm.output == [("print", "Ann 7")]


def test_a_remote_function_is_refused_because_its_callback_is_no_event(server: Server) -> None:
    with pytest.raises(LuauError, match="OnServerInvoke is a callback: assign it instead of connecting"):
        server.lua("CM:ConnectRemoteEvent(Instance.new('RemoteFunction'), print, 'Combat')")


def test_a_heartbeat_runs_once_per_interval_with_the_time_since(server: Server) -> None:
    server.lua(
        "shared.calls = {} CM:ConnectHeartbeat(function(elapsed) table.insert(shared.calls, elapsed) end, 0.5, 'S')"
    )
    server.vm.advance(2, fps=20)
    calls = server.lua("return shared.calls")
    assert len(calls) == 4
    assert sum(calls) == pytest.approx(2, abs=0.06)


def test_a_late_frame_makes_one_heartbeat_call_not_several(server: Server) -> None:
    server.lua("shared.count = 0 CM:ConnectHeartbeat(function() shared.count += 1 end, 0.5, 'S')")
    server.vm.frame(10)
    assert server.lua("return shared.count") == 1


@pytest.mark.parametrize("arguments", ["nil, 1, 'S'", "print, -1, 'S'", "print, 0/0, 'S'", "print, 'x', 'S'"])
def test_a_useless_heartbeat_is_refused(server: Server, arguments: str) -> None:
    with pytest.raises(LuauError, match="ConnectHeartbeat: callback takes a function"):
        server.lua(f"CM:ConnectHeartbeat({arguments})")
    assert server.live() == 0


def test_an_error_in_a_callback_stops_no_other_callback(server: Server) -> None:
    server.lua("""
        shared.ran = 0
        CM:ConnectHeartbeat(function() shared.ran += 1 end, 0, 'A')
        CM:ConnectHeartbeat(function() error('bad callback') end, 0, 'B')
        CM:ConnectHeartbeat(function() shared.ran += 1 end, 0, 'C')
    """)
    server.vm.advance(0.2, fps=10)
    assert server.lua("return shared.ran") == 4
    errors = server.vm.errors
    assert len(errors) == 2
    assert all("bad callback" in error.message for error in errors)
    server.vm.clear_errors()


def test_a_callback_may_unregister_itself(server: Server) -> None:
    server.lua("""
        shared.ran = 0
        local name
        _, name = CM:ConnectHeartbeat(function() shared.ran += 1 CM:UnregisterConnection('S', name) end, 0, 'S')
    """)
    server.vm.advance(0.5, fps=10)
    assert server.lua("return shared.ran") == 1
    assert server.live() == 0


def test_a_callback_may_clean_up_its_own_owner(server: Server) -> None:
    server.lua("""
        for _ = 1, 5 do CM:ConnectHeartbeat(function() CM:DisconnectAllForOwner('S') end, 0, 'S') end
    """)
    server.vm.advance(0.2, fps=10)
    assert server.live() == 0
    assert server.stats()["Services"]["S"]["Live"] == 0


def test_a_disconnect_that_registers_again_leaves_the_new_connection(server: Server) -> None:
    result = server.lua("""
        local function library(name)
            return { Connected = true, Disconnect = function(self)
                self.Connected = false
                CM:RegisterConnection('S', name .. '+', { Connected = true, Disconnect = function() end }, 'Signal')
            end }
        end
        CM:RegisterConnection('S', 'a', library('a'), 'Signal')
        CM:RegisterConnection('S', 'b', library('b'), 'Signal')
        return CM:DisconnectAllForOwner('S'), CM:GetConnectionStats().Services.S.Live
    """)
    assert result == [2, 2]


def test_a_disconnect_that_raises_stops_no_other_disconnect(server: Server) -> None:
    result = server.lua("""
        local good = Quiet:Connect(print)
        local bad = { Connected = true, Disconnect = function() error('library fault') end }
        CM:RegisterConnection('S', 'bad', bad, 'Signal')
        CM:RegisterConnection('S', 'good', good, 'Custom')
        CM:RegisterConnection('S', 'worse', table.clone(bad), 'Signal')
        return CM:DisconnectAllForOwner('S'), good.Connected
    """)
    assert result == [3, False]
    assert sum("library fault" in text for _, text in server.vm.output) == 2


def count_with_marks(stats: dict[str, Any]) -> int:
    """Live connections beside the manager's own."""
    return int(stats["Live"] - stats["Services"]["connmon"]["Live"])


def test_counters_agree_with_the_ledger_after_many_random_steps(server: Server) -> None:
    server.lua("""
        local random = Random.new()
        local owners = { 'A', 'B', 'service:C', { Name = 'D' }, { Name = 'D' } }
        for step = 1, 3000 do
            local owner, name = owners[random:NextInteger(1, 5)], 'n' .. random:NextInteger(1, 20)
            local what = random:NextInteger(1, 10)
            if what <= 6 then
                CM:RegisterConnection(owner, name, Quiet:Connect(print), 'Custom')
            elseif what <= 9 then
                CM:UnregisterConnection(owner, name)
            elseif random:NextNumber() < 0.2 then
                CM:DisconnectAllForOwner(owner)
            end
        end
    """)
    assert count_with_marks(server.stats()) == server.live()


def test_what_a_replaced_connection_cleans_up_leaves_nothing_behind(server: Server) -> None:
    server.lua(
        """
        local odd = { Connected = true }
        function odd.Disconnect(self)
            self.Connected = false
            CM:DisconnectAllForOwner('Odd')
        end
        CM:RegisterConnection('Odd', 'a', odd)
        connmon.ConnectionUtils:Connect(Quiet, print, 'Odd', 'a', 'Custom')
        local registry = CM.core.registry
        for slot = 1, registry.top() do
            assert(registry.connections[slot] or not registry.activities[slot], 'a free slot is followed')
        end
    """
    )
