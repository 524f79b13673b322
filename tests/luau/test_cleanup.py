"""What is disconnected without anybody asking, and what emergency cleanup does."""

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server

PER_PLAYER = """
    CM:ConnectPlayerEvent('PlayerAdded', function(player)
        CM:RegisterConnection(player, 'Chat', player.Chatted:Connect(print), 'Player.Chatted')
        CM:RegisterConnection(player, 'Tick', Quiet:Connect(print), 'RunService.Stepped')
        CM:ConnectHeartbeat(function() end, 1, player)
    end, 'LobbyService')
"""


def test_a_player_who_leaves_takes_all_connections_along(server: Server) -> None:
    server.lua(PER_PLAYER)
    for user in range(1, 6):
        server.vm.join(f"P{user}", user)
    assert server.live() == 1 + 5 * 2 + 1  # their heartbeats share a connection
    for user in range(1, 6):
        server.vm.leave(user)
    assert server.live() == 1
    assert server.stats()["Services"]["LobbyService"]["Live"] == 1


def test_a_player_known_by_text_only_is_cleaned_up_too(server: Server) -> None:
    server.vm.join("Ann", 261)
    server.lua("CM:RegisterConnection('player:261', 'Tick', Quiet:Connect(print), 'Custom')")
    server.vm.leave(261)
    assert server.live() == 0


def test_player_object_and_text_are_the_same_owner(server: Server) -> None:
    server.vm.join("Ann", 261)
    result = server.lua("""
        CM:RegisterConnection(Players:GetPlayerByUserId(261), 'Tick', Quiet:Connect(print), 'Custom')
        return CM:UnregisterConnection('player:261', 'Tick')
    """)
    assert result is True


def test_an_owner_whose_name_contains_player_is_no_player(server: Server) -> None:
    server.lua("""
        CM:RegisterConnection('PlayerMovementService', 'Tick', Quiet:Connect(print), 'Custom')
        CM:RegisterConnection({ Name = 'Player_261' }, 'Tick', Quiet:Connect(print), 'Custom')
    """)
    server.vm.join("PlayerMovementService", 261)
    server.vm.leave(261)
    assert server.live() == 2
    assert set(server.stats()["Services"]) == {"connmon", "PlayerMovementService", "Player_261"}


def test_two_owners_of_one_name_are_cleaned_up_apart(server: Server) -> None:
    result = server.lua("""
        local one, two = { Name = 'Door' }, { Name = 'Door' }
        CM:RegisterConnection(one, 'Touch', Quiet:Connect(print), 'Custom')
        CM:RegisterConnection(two, 'Touch', Quiet:Connect(print), 'Custom')
        return CM:DisconnectAllForOwner(one), CM:GetConnectionStats().Services.Door.Live
    """)
    assert result == [1, 1]


def test_a_stopped_service_is_cleaned_up_without_a_change_to_its_code(server: Server) -> None:
    result = server.lua("""
        local Combat = { stopped = 0 }
        function Combat:Stop(reason) self.stopped += 1 return 'stopped', reason end
        CM:ManageService(Combat, 'CombatService')
        CM:RegisterConnection(Combat, 'Tick', Quiet:Connect(print), 'Custom')
        CM:RegisterConnection('CombatService', 'Tock', Quiet:Connect(print), 'Custom')
        local first, second = Combat:Stop('end of round')
        return first, second, Combat.stopped, CM:GetConnectionStats().Services.CombatService.Live
    """)
    assert result == ["stopped", "end of round", 1, 0]
    assert server.live() == 0


def test_a_stop_that_fails_cleans_up_all_the_same(server: Server) -> None:
    with pytest.raises(LuauError, match="cannot stop"):
        server.lua("""
            local Combat = CM:ManageService({ Stop = function() error('cannot stop') end }, 'CombatService')
            CM:RegisterConnection(Combat, 'Tick', Quiet:Connect(print), 'Custom')
            Combat:Stop()
        """)
    assert server.live() == 0


def test_a_service_that_starts_again_is_managed_again(server: Server) -> None:
    result = server.lua("""
        local Combat = CM:ManageService({ Stop = function() end }, 'CombatService')
        for round = 1, 3 do
            CM:RegisterConnection(Combat, 'Tick', Quiet:Connect(print), 'Custom')
            Combat.Stop()
        end
        return CM:GetConnectionStats().Services.CombatService
    """)
    assert (result["Opened"], result["Closed"]) == (3, 3)
    assert server.live() == 0


def test_a_destroyed_instance_takes_its_connections_along(server: Server) -> None:
    server.lua("""
        local tool = Instance.new('Tool', workspace)
        CM:RegisterConnection(tool, 'Tick', Quiet:Connect(print), 'Custom')
        CM:RegisterConnection(tool, 'Equipped', tool.Equipped:Connect(print), 'Tool.Equipped')
        tool:Destroy()
    """)
    assert server.live() == 0


def test_waiting_for_a_destruction_costs_nothing_afterwards(server: Server) -> None:
    server.lua("""
        for _ = 1, 50 do
            local tool = Instance.new('Tool', workspace)
            CM:RegisterConnection(tool, 'Tick', Quiet:Connect(print), 'Custom')
            if math.random() < 0.5 then tool:Destroy() else CM:DisconnectAllForOwner(tool) end
        end
    """)
    assert server.stats()["Services"]["connmon"]["Live"] == 2  # PlayerRemoving, Heartbeat
    assert server.vm.live_connections() == 2


def test_a_disconnected_connection_is_stale_and_goes_at_the_next_cleanup(server: Server) -> None:
    result = server.lua("""
        local connection = Quiet:Connect(print)
        CM:RegisterConnection('Combat', 'Hit', connection, 'Custom')
        connection:Disconnect()
        return CM:CleanupStaleConnections(), CM:CleanupStaleConnections(), CM:UnregisterConnection('Combat', 'Hit')
    """)
    assert result == [1, 0, False]


def test_age_alone_never_ends_a_connection(server: Server) -> None:
    server.lua("CM:ConnectPlayerEvent('PlayerAdded', print, 'LobbyService')")
    server.vm.advance(2000, fps=2)
    assert server.lua("return CM:CleanupStaleConnections()") == 0
    assert server.live() == 1
    lobby = server.stats()["Services"]["LobbyService"]
    assert (lobby["Stale"], lobby["Idle"]) == (0, 0)


def test_stale_connections_go_every_five_minutes_without_being_asked(server: Server) -> None:
    server.lua("""
        local connection = Quiet:Connect(print)
        CM:RegisterConnection('Combat', 'Hit', connection, 'Custom')
        connection:Disconnect()
    """)
    server.vm.advance(60, fps=2)
    assert server.stats()["Services"]["Combat"]["Stale"] == 1
    server.vm.advance(260, fps=2)
    assert server.stats()["Services"]["Combat"] == {
        "Live": 0, "Opened": 1, "Closed": 1, "Idle": 0, "Orphaned": 0, "Stale": 0,
    }  # fmt: skip


def test_emergency_cleanup_says_what_it_did_and_keeps_what_is_essential(server: Server) -> None:
    result = server.lua("""
        CM:RegisterConnection('Save', 'Leave', Quiet:Connect(print), 'Custom', { Essential = true })
        for i = 1, 3 do CM:RegisterConnection('Combat', 'n' .. i, Quiet:Connect(print), 'Custom') end
        return CM:EmergencyCleanup()
    """)
    assert (result["Closed"], result["ByService"], result["DryRun"]) == (3, {"Combat": 3}, False)
    assert result["Essential"] == 3  # Save's, and the manager's own two
    assert server.live() == 1


@pytest.mark.parametrize(
    ("scope", "closed"),
    [
        ("{ Services = { 'Combat' } }", 2),
        ("{ Types = { 'Touch' } }", 2),
        ("{ Services = { 'Combat' }, Types = { 'Touch' } }", 1),
        ("{ Owner = 'Lobby' }", 2),
        ("{ Owner = 'Nobody' }", 0),
        ("{ States = { 'orphaned' } }", 0),
        ("{ Services = {} }", 0),
    ],
)
def test_emergency_cleanup_keeps_to_its_scope(server: Server, scope: str, closed: int) -> None:
    result = server.lua(f"""
        for _, owner in {{ 'Combat', 'Lobby' }} do
            for _, kind in {{ 'Touch', 'Tick' }} do
                CM:RegisterConnection(owner, kind, Quiet:Connect(print), kind)
            end
        end
        return CM:EmergencyCleanup({scope}).Closed
    """)
    assert result == closed
    assert server.live() == 4 - closed


def test_a_dry_run_closes_nothing(server: Server) -> None:
    result = server.lua("""
        CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom')
        return CM:EmergencyCleanup({ DryRun = true })
    """)
    assert (result["Closed"], result["DryRun"]) == (1, True)
    assert server.live() == 1


def test_the_manager_registers_its_own_connections(server: Server) -> None:
    own = server.stats()["Services"]["connmon"]["Live"]
    assert own == server.vm.live_connections() == 2
    server.start()
    assert server.stats()["Services"]["connmon"]["Live"] == server.vm.live_connections() == 4


def test_after_destroy_the_ledger_is_empty(server: Server) -> None:
    server.start()
    server.lua(PER_PLAYER)
    server.vm.join("Ann", 1)
    server.lua("CM:Destroy()")
    assert server.vm.live_connections() == 0


def test_owners_are_not_kept_alive_by_the_registry(server: Server) -> None:
    result = server.lua("""
        local weak = setmetatable({}, { __mode = 'k' })
        for i = 1, 100 do
            local owner = { Name = 'Door' }
            weak[owner] = true
            CM:RegisterConnection(owner, 'Touch', Quiet:Connect(print), 'Custom')
            CM:DisconnectAllForOwner(owner)
        end
        shared.weak = weak
    """)
    assert result is None
    server.vm.used_memory()  # collects
    assert server.lua("local n = 0 for _ in shared.weak do n += 1 end return n") <= 1
