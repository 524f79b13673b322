"""ConnectionUtils: connecting, wrapping, players and characters."""

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server

UTILS = "local Utils = connmon.ConnectionUtils; "


def live(server: Server, service: str) -> int:
    """Live connections of a service by the registry."""
    return int(server.stats()["Services"].get(service, {"Live": 0})["Live"])


def output(server: Server) -> list[str]:
    """What scripts printed."""
    return [text for level, text in server.vm.output if level == "print"]


# --- Connect ---------------------------------------------------------------------------------------------------------


def test_connect_registers_under_owner_and_name(server: Server) -> None:
    result = server.lua(f"""
        {UTILS}
        local event = Instance.new('BindableEvent')
        local connection = Utils:Connect(event.Event, print, 'Combat', 'Hit', 'BindableEvent.Event')
        event:Fire('fired')
        return connection.Connected, CM:UnregisterConnection('Combat', 'Hit'), connection.Connected
    """)
    assert result[:2] == [True, True]
    assert result[2] is False


def test_connect_without_a_type_is_custom(server: Server) -> None:
    server.lua(f"{UTILS} Utils:Connect(Quiet, print, 'Combat', 'Hit')")
    assert server.stats()["Types"]["Custom"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("nil, print, 'Combat', 'Hit'", "signal takes"),
        ("{}, print, 'Combat', 'Hit'", "signal takes"),
        ("workspace, print, 'Combat', 'Hit'", "signal takes"),
        ("Quiet, nil, 'Combat', 'Hit'", "callback takes"),
        ("Quiet, print, nil, 'Hit'", "owner takes"),
        ("Quiet, print, 'Combat', nil", "connectionName takes"),
        ("Quiet, print, 'Combat', 'Hit', 5", "connectionType takes"),
    ],
)
def test_connect_refuses_what_is_of_no_use_and_names_the_caller(server: Server, arguments: str, complaint: str) -> None:
    with pytest.raises(LuauError, match=rf"Connect: {complaint}.*\(called at ServerScriptService\.Script:1\)"):
        server.lua(f"{UTILS} Utils:Connect({arguments})")
    assert server.live() == 0


# --- WrapService and EnhanceController -------------------------------------------------------------------------------


def test_a_wrapped_service_cleans_up_and_says_what(server: Server) -> None:
    result = server.lua(f"""
        {UTILS}
        local Combat = Utils:WrapService({{}}, 'CombatService')
        Utils:Connect(Quiet, print, Combat, 'Hit', 'Custom')
        CM:ConnectHeartbeat(print, 1, Combat)
        return Combat:CleanupConnections(), Combat:CleanupConnections()
    """)
    assert result[0] == {
        "Closed": 2,
        "Names": ["Hit", "RunService.Heartbeat#1"],
        "ByType": {"Custom": 1, "RunService.Heartbeat": 1},
    }
    assert result[1]["Closed"] == 0
    assert server.live() == 0


def test_wrapping_changes_nothing_the_caller_wrote(server: Server) -> None:
    result = server.lua(f"""
        {UTILS}
        local function start() end
        local service = {{ Start = start, Value = 5, CleanupConnections = print }}
        local same = Utils:WrapService(service, 'CombatService')
        return same == service, service.Start == start, service.Value, service.CleanupConnections == print
    """)
    assert result == [True, True, 5, True]
    assert any("keeps its own CleanupConnections" in text for _, text in server.vm.output)


def test_the_stop_of_a_wrapped_service_cleans_up_and_returns_what_it_did(server: Server) -> None:
    result = server.lua(f"""
        {UTILS}
        local Combat = {{ Stop = function(self, reason) return self ~= nil, reason end }}
        Utils:WrapService(Combat, 'CombatService')
        Utils:WrapService(Combat, 'CombatService')
        Utils:Connect(Quiet, print, Combat, 'Hit')
        return Combat:Stop('shutdown')
    """)
    assert result == [True, "shutdown"]
    assert server.live() == 0


def test_a_stop_that_fails_still_cleans_up(server: Server) -> None:
    ok, message = server.lua(f"""
        {UTILS}
        local Combat = Utils:WrapService({{ Stop = function() error('bad stop') end }}, 'CombatService')
        Utils:Connect(Quiet, print, Combat, 'Hit')
        return pcall(Combat.Stop, Combat)
    """)
    assert not ok
    assert "bad stop" in message
    assert server.live() == 0


def test_an_instance_of_a_wrapped_class_cleans_up_its_own(server: Server) -> None:
    server.lua(f"""
        {UTILS}
        local Class = Utils:WrapService({{}}, 'Rounds')
        Class.__index = Class
        local round = Utils:WrapService(setmetatable({{}}, Class), 'Round')
        Utils:Connect(Quiet, print, Class, 'a')
        Utils:Connect(Quiet, print, round, 'b')
        print(table.concat(round:CleanupConnections().Names, ' '))
    """)
    assert output(server) == ["b"]
    assert server.live() == 1


@pytest.mark.parametrize("arguments", ["nil, 'S'", "5, 'S'", "{}, nil", "{}, ''", "table.freeze({}), 'S'"])
@pytest.mark.parametrize("helper", ["WrapService", "EnhanceController"])
def test_what_cannot_be_wrapped_is_refused(server: Server, helper: str, arguments: str) -> None:
    with pytest.raises(LuauError, match=f"{helper}: takes a table that can be changed"):
        server.lua(f"{UTILS} Utils:{helper}({arguments})")


def test_a_controller_adds_connections_and_its_own_stop_cleans_up(server: Server) -> None:
    result = server.lua(f"""
        {UTILS}
        local stopped = false
        local Camera = Utils:EnhanceController({{ Stop = function() stopped = true end }}, 'CameraController')
        Utils:EnhanceController(Camera, 'CameraController')
        local connection = Quiet:Connect(print)
        local same = Camera:AddConnection('Moved', connection, 'Custom') == connection
        local live = CM:GetConnectionStats().Services.CameraController.Live
        Camera:Stop()
        return same, live, stopped, connection.Connected
    """)
    assert result == [True, 1, True, False]


def test_added_connections_know_their_owner_kind_and_site(reporting: Server) -> None:
    reporting.lua(
        f"{UTILS} local Camera = Utils:EnhanceController({{}}, 'CameraController')\n"
        "Camera:AddConnection('Moved', Quiet:Connect(print), 'Custom')",
        name="ServerScriptService.Camera",
    )
    reporting.wait_for(lambda: bool(reporting.backend.received))
    (event,) = [event for event in reporting.backend.only().registry.values() if event.name == "Moved"]
    assert (event.owner, event.owner_kind) == ("controller:CameraController", "controller")
    assert event.site == "ServerScriptService.Camera:2"


def test_add_connection_refuses_a_dead_one_and_names_the_caller(server: Server) -> None:
    with pytest.raises(LuauError, match=r'AddConnection: "Moved" is already disconnected.*Script:4\)'):
        server.lua(f"""{UTILS} local Camera = Utils:EnhanceController({{}}, 'CameraController')
            local connection = Quiet:Connect(print)
            connection:Disconnect()
            Camera:AddConnection('Moved', connection, 'Custom')
        """)


# --- players and characters ------------------------------------------------------------------------------------------


def test_player_management_hears_of_those_who_are_here_who_come_and_who_go(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(f"""
        {UTILS}
        local Lobby = Utils:WrapService({{}}, 'LobbyService')
        local made = Utils:SetupPlayerManagement(Lobby,
            function(player) print('+' .. player.Name) end,
            function(player) print('-' .. player.Name) end)
        assert(made.PlayerAdded.Connected and made.PlayerRemoving.Connected)
        shared.lobby = Lobby
    """)
    server.vm.join("Bob", 2)
    server.vm.leave(1)
    assert output(server) == ["+Ann", "+Bob", "-Ann"]
    server.lua("shared.lobby:CleanupConnections()")
    assert server.live() == 0


def test_player_management_a_second_time_replaces_the_first(server: Server) -> None:
    server.lua(f"""
        {UTILS}
        for _ = 1, 2 do Utils:SetupPlayerManagement('Lobby', function() end, function() end) end
    """)
    assert server.live() == live(server, "Lobby") == 2


def test_a_player_callback_that_fails_stops_no_other_player(server: Server) -> None:
    for number in range(1, 4):
        server.vm.join(f"P{number}", number)
    server.lua(f"""
        {UTILS}
        Utils:SetupPlayerManagement('Lobby', function(player)
            if player.UserId == 2 then error('bad') end
            print(player.Name)
        end)
    """)
    assert output(server) == ["P1", "P3"]
    assert len(server.vm.errors) == 1
    server.vm.clear_errors()


def test_character_management_ends_with_the_player(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(f"""
        {UTILS}
        local Combat = Utils:WrapService({{}}, 'CombatService')
        Utils:SetupCharacterManagement(Combat, Players:GetPlayers()[1],
            function(character) print('+' .. character.Name) end,
            function(character) print('-' .. character.Name) end)
    """)
    server.vm.respawn(1)
    assert output(server) == ["+Ann", "-Ann", "+Ann"]
    assert live(server, "CombatService") == 2
    server.vm.leave(1)
    assert server.live() == 0
    assert live(server, "CombatService") == 0


def test_two_services_may_manage_the_same_character(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(f"""
        {UTILS}
        for _, service in {{ 'Combat', 'Pets' }} do
            Utils:SetupCharacterManagement(service, Players:GetPlayers()[1], function() end)
        end
    """)
    assert (live(server, "Combat"), live(server, "Pets")) == (1, 1)


@pytest.mark.parametrize("player", ["nil", "5", "workspace", "{}"])
def test_character_management_wants_a_player(server: Server, player: str) -> None:
    with pytest.raises(LuauError, match="SetupCharacterManagement: player takes a Player"):
        server.lua(f"{UTILS} Utils:SetupCharacterManagement('Combat', {player}, print)")


def test_a_stop_written_below_the_wrapping_cleans_up(server: Server) -> None:
    live = server.lua(
        """
        local service = connmon.ConnectionUtils:WrapService({}, 'Late')
        function service.Stop(self) end
        CM:RegisterConnection(service, 'a', Quiet:Connect(print))
        service:Stop()
        return CM:GetConnectionStats().Services.Late.Live
    """
    )
    assert live == 0


def test_a_stop_written_below_the_first_connection_cleans_up_from_the_next_frame_on(server: Server) -> None:
    server.lua(
        """
        local service = connmon.ConnectionUtils:WrapService({}, 'Late')
        CM:RegisterConnection(service, 'a', Quiet:Connect(print))
        function service.Stop(self) print('stopped') end
        shared.late = service
    """
    )
    server.vm.advance(0.2, 10)
    server.lua("shared.late:Stop()")
    assert server.stats()["Services"]["Late"]["Live"] == 0
    assert [text for _, text in server.vm.output] == ["stopped"]


def test_a_service_that_is_renamed_counts_under_its_new_name(server: Server) -> None:
    found = server.lua(
        """
        local service = connmon.ConnectionUtils:WrapService({}, 'Old')
        CM:RegisterConnection(service, 'a', Quiet:Connect(print))
        connmon.ConnectionUtils:WrapService(service, 'New')
        CM:RegisterConnection(service, 'b', Quiet:Connect(print))
        local services = CM:GetConnectionStats().Services
        return services.Old.Live, services.New.Live, CM:DisconnectAllForOwner('service:New')
    """
    )
    assert found == [0, 1, 1]


def test_an_owner_whose_signal_refused_is_not_kept(server: Server) -> None:
    server.lua(
        """
        local signal = { Connect = function() error('this signal is closed') end }
        local part = Instance.new('Part')
        local before = CM:GetConnectionStats().Live
        for number = 1, 3 do
            assert(not pcall(function() connmon.ConnectionUtils:Connect(signal, print, part, 'a', 'Custom') end))
        end
        assert(CM:GetConnectionStats().Live == before, 'the wait for its end was kept')
        assert(CM.core.owners.index[part] == nil, 'the owner was kept')
    """
    )
