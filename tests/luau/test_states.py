"""idle, orphaned and stale, and the watch that only looks on."""

from tests.luau.conftest import Server

WATCHED = """
    CM:ConnectPlayerEvent('PlayerAdded', function(player)
        local connection = RunService.Stepped:Connect(function() end)
        CM:RegisterConnection(player, 'Combo', connection, 'RunService.Stepped', { Watch = true })
    end, 'CombatService')
"""


def test_a_watched_connection_outlives_its_player_and_is_orphaned_after_a_minute(server: Server) -> None:
    server.lua(WATCHED, name="ServerScriptService.CombatService")
    server.vm.join("Ann", 1)
    server.vm.leave(1)
    server.vm.advance(58, fps=2)
    assert server.stats()["Services"]["CombatService"]["Orphaned"] == 0
    server.vm.advance(5, fps=2)
    assert server.stats()["Services"]["CombatService"]["Orphaned"] == 1
    assert server.live() == 2


def test_a_watched_orphan_is_never_cleaned_by_itself(server: Server) -> None:
    server.lua(WATCHED, name="ServerScriptService.CombatService")
    server.vm.join("Ann", 1)
    server.vm.leave(1)
    server.vm.advance(1000, fps=2)
    combat = server.stats()["Services"]["CombatService"]
    assert (combat["Orphaned"], combat["Stale"], combat["Live"]) == (1, 0, 2)


def test_a_watched_orphan_can_be_named_by_its_old_owner(server: Server) -> None:
    server.lua(WATCHED)
    server.vm.join("Ann", 1)
    server.lua("shared.ann = Players:GetPlayers()[1]")
    server.vm.leave(1)
    server.vm.advance(70, fps=2)
    assert server.lua("return CM:UnregisterConnection(shared.ann, 'Combo')") is True
    assert server.stats()["Orphaned"] == 0


def test_who_comes_again_does_not_inherit_the_orphans(server: Server) -> None:
    server.lua(WATCHED)
    server.vm.join("Ann", 1)
    server.vm.leave(1)
    server.vm.advance(70, fps=2)
    server.vm.join("Ann", 1)
    server.vm.advance(70, fps=2)
    assert server.stats()["Orphaned"] == 1
    assert server.live() == 3
    assert server.lua("return CM:DisconnectAllForOwner('player:1')") == 1
    assert server.stats()["Orphaned"] == 1


def test_what_is_registered_for_a_player_already_gone_is_orphaned_then_cleaned(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua("shared.ann = Players:GetPlayers()[1]")
    server.vm.leave(1)
    server.lua("CM:ConnectHeartbeat(function() end, 1, shared.ann)")
    server.vm.advance(65, fps=2)
    assert server.stats()["Orphaned"] == 1
    server.vm.advance(600, fps=2)
    assert server.stats()["Orphaned"] == 0
    assert server.live() == 0


def test_registering_while_the_player_is_leaving_counts_as_gone(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua("""
        Players.PlayerRemoving:Connect(function(player)
            task.defer(function() CM:ConnectHeartbeat(function() end, 1, player) end)
        end)
    """)
    server.vm.leave(1)
    server.vm.advance(700, fps=2)
    assert server.live() == 1  # the PlayerRemoving handler above


def test_a_silent_connection_is_idle_against_its_own_habit(server: Server) -> None:
    server.lua("""
        shared.remote = Instance.new('RemoteEvent')
        CM:ConnectRemoteEvent(shared.remote, function() end, 'Combat')
        task.spawn(function()
            for _ = 1, 60 do
                shared.remote:FireServer(nil)
                task.wait(1)
            end
        end)
    """)
    server.vm.advance(100, fps=2)
    assert server.stats()["Services"]["Combat"]["Idle"] == 0
    server.vm.advance(150, fps=2)
    assert server.stats()["Services"]["Combat"]["Idle"] == 1
    server.lua("shared.remote:FireServer(nil)")
    server.vm.advance(5, fps=2)
    assert server.stats()["Services"]["Combat"]["Idle"] == 0


def test_a_connection_without_a_habit_is_never_idle(server: Server) -> None:
    server.lua("""
        shared.remote = Instance.new('RemoteEvent')
        CM:ConnectRemoteEvent(shared.remote, function() end, 'Shop')
        shared.remote:FireServer(nil)
    """)
    server.vm.advance(2000, fps=2)
    assert server.stats()["Services"]["Shop"]["Idle"] == 0


def test_an_orphan_that_goes_is_counted_off(server: Server) -> None:
    server.lua(WATCHED)
    server.vm.join("Ann", 1)
    server.vm.leave(1)
    server.vm.advance(70, fps=2)
    result = server.lua("return CM:EmergencyCleanup({ States = { 'orphaned' } }).Closed")
    assert result == 1
    assert server.stats()["Orphaned"] == 0
    assert server.live() == 1


def test_a_player_connection_counts_under_the_script_that_made_it(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(
        "CM:RegisterConnection(Players:GetPlayers()[1], 'Trade', Quiet:Connect(print), 'Custom')",
        name="ServerScriptService.Economy.TradeService",
    )
    assert server.stats()["Services"]["TradeService"]["Live"] == 1


def test_a_script_that_manages_a_service_counts_under_that_service(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua("""
        CM:ManageService({}, 'CombatService')
        CM:RegisterConnection(Players:GetPlayers()[1], 'Hit', Quiet:Connect(print), 'Custom')
    """)
    assert server.stats()["Services"]["CombatService"]["Live"] == 1


def test_a_script_that_manages_two_services_counts_under_its_own_name(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(
        """
        CM:ManageService({}, 'CombatService')
        CM:ManageService({}, 'PetService')
        CM:RegisterConnection(Players:GetPlayers()[1], 'Hit', Quiet:Connect(print), 'Custom')
        """,
        name="ServerScriptService.Main",
    )
    assert server.stats()["Services"]["Main"]["Live"] == 1


def test_a_service_given_counts_before_the_owner_and_the_script(server: Server) -> None:
    server.lua("CM:RegisterConnection('Combat', 'Hit', Quiet:Connect(print), 'Custom', { Service = 'PvP' })")
    services = server.stats()["Services"]
    assert services["PvP"]["Live"] == 1
    assert services["Combat"]["Live"] == 0


def test_services_without_end_share_one_entry(server: Server) -> None:
    server.lua("""
        for i = 1, 1200 do
            CM:RegisterConnection('S' .. i, 'n', { Connected = true, Disconnect = function() end }, 'Custom')
        end
    """)
    services = server.stats()["Services"]
    assert len(services) == 1000
    assert services["(other)"]["Live"] == 1200 - 998


def test_a_connection_that_fails_to_answer_silences_nobody(reporting: Server) -> None:
    reporting.lua(
        """
        local strict = { __index = function(_, key) error('no member ' .. key) end }
        local connection = setmetatable({ Connected = true, Disconnect = function() end }, strict)
        CM:RegisterConnection('Lib', 'a', connection)
        connection.Connected = nil
    """
    )
    reporting.wait_for(lambda: len(reporting.backend.received) > 1, 60)
    assert reporting.lua("return CM:CleanupStaleConnections()") == 1
