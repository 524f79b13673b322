"""RegisterConnection by a line that has registered before: a shorter way into the registry, with the same results."""

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server

# Every call of `register` is one line of one script, and that line is known from the start.
KNOWN = """
    local function register(owner, name, connection, kind)
        return CM:RegisterConnection(owner, name, connection, kind)
    end
    register('service:First', 'First', Quiet:Connect(print), 'Custom')
    local part = Instance.new('Part')
    register(part, 'First', Quiet:Connect(print), 'Custom')
    part:Destroy()
    CM:DisconnectAllForOwner('service:First')
"""


def known(server: Server, source: str) -> object:
    """Runs `source`, which may call `register(owner, name, connection, kind)`."""
    return server.lua(KNOWN.replace("\n", " ") + source)


@pytest.mark.parametrize(
    ("owner", "end"),
    [
        ("{ Name = 'Combat' }", "CM:DisconnectAllForOwner(owner)"),
        ("'service:Combat'", "CM:DisconnectAllForOwner('Combat')"),
        ("CM:ManageService({ Stop = function() end }, 'Combat')", "owner:Stop()"),
        ("Instance.new('Part')", "owner:Destroy()"),
    ],
)
def test_an_owner_it_did_not_know_is_cleaned_up_like_any_other(server: Server, owner: str, end: str) -> None:
    connected = known(
        server,
        f"""
        local owner = {owner}
        local connections = {{}}
        for number = 1, 3 do
            connections[number] = Quiet:Connect(print)
            register(owner, 'Hit' .. number, connections[number], 'Custom')
        end
        local before = connections[3].Connected
        {end}
        shared.connections = connections
        return before
        """,
    )
    server.vm.advance(1)
    ended = server.lua("return { shared.connections[1].Connected, shared.connections[3].Connected }")
    assert (connected, ended) == (True, [False, False])


def test_a_player_is_cleaned_up_when_leaving(server: Server) -> None:
    server.vm.join("Ann", 1)
    known(server, "register(Players:GetPlayers()[1], 'Hit', Quiet:Connect(print), 'Custom')")
    before = server.live()
    server.vm.leave(1)
    server.vm.advance(1)
    assert server.live() == before - 1


def test_what_is_registered_for_a_player_who_has_left_is_orphaned(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua("shared.player = Players:GetPlayers()[1]")
    server.lua("CM:RegisterConnection(shared.player, 'Seen', Quiet:Connect(print), 'Custom', { Watch = true })")
    server.vm.leave(1)
    server.vm.advance(1)
    known(server, "for number = 1, 2 do register(shared.player, 'Late' .. number, Quiet:Connect(print), 'Custom') end")
    server.vm.advance(70)
    assert server.stats()["Orphaned"] == 3


def test_a_player_who_comes_again_is_a_new_owner(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua("CM:RegisterConnection('player:1', 'Seen', Quiet:Connect(print), 'Custom', { Watch = true })")
    server.vm.leave(1)
    server.vm.advance(1)
    server.vm.join("Ann", 1)
    known(server, "register('player:1', 'Hit', Quiet:Connect(print), 'Custom')")
    before = server.live()
    server.vm.leave(1)
    server.vm.advance(1)
    assert server.live() == before - 1


def test_a_name_taken_twice_disconnects_the_old_connection(server: Server) -> None:
    assert known(
        server,
        """
        local old, new = Quiet:Connect(print), Quiet:Connect(print)
        register('Combat', 'Hit', old, 'Custom')
        register('Combat', 'Hit', new, 'Custom')
        return old.Connected, new.Connected, CM:GetConnectionStats().Services.Combat.Live
        """,
    ) == [False, True, 1]


def test_each_owner_and_type_is_counted_for_itself(server: Server) -> None:
    known(
        server,
        """
        for round = 1, 2 do
            for _, service in { 'A', 'B' } do
                for _, kind in { 'X', 'Y', 'Z' } do
                    register('service:' .. service, kind .. round, Quiet:Connect(print), kind)
                end
            end
            register('service:B', 'W' .. round, Quiet:Connect(print))
        end
        """,
    )
    stats = server.stats()
    assert {name: stats["Services"][name]["Live"] for name in "AB"} == {"A": 6, "B": 8}
    assert {kind: stats["Types"][kind] for kind in ("X", "Y", "Z")} == {"X": 4, "Y": 4, "Z": 4}


@pytest.mark.parametrize(
    "arguments",
    [
        "owner, 'Hit', Quiet:Connect(print), 5",
        "owner, 'Hit', Quiet:Connect(print), ''",
        "owner, '', Quiet:Connect(print), 'Custom'",
        "owner, nil, Quiet:Connect(print), 'Custom'",
        "owner, 'Hit', nil, 'Custom'",
        "owner, 'Hit', {}, 'Custom'",
    ],
)
def test_what_is_refused_leaves_no_owner_behind(server: Server, arguments: str) -> None:
    with pytest.raises(LuauError, match=r"RegisterConnection: .* \(called at ServerScriptService\.Script:1\)"):
        known(server, f"local owner = {{ Name = 'Combat' }} shared.owner = owner register({arguments})")
    assert server.lua("return CM.core.owners.index[shared.owner] == nil") is True


def test_a_thread_that_starts_with_it_has_no_line_and_registers(server: Server) -> None:
    server.lua("task.spawn(CM.RegisterConnection, CM, 'Combat', 'Hit', Quiet:Connect(print), 'Custom')")
    assert server.stats()["Services"]["Combat"]["Live"] == 1


def test_many_owners_that_come_again_begin_with_nothing(server: Server) -> None:
    live = known(
        server,
        """
        local live = {}
        for round = 1, 3 do
            for number = 1, 300 do
                register('service:S' .. number, 'Hit', Quiet:Connect(print), 'Custom')
                register('service:S' .. number, 'Round' .. round, Quiet:Connect(print), 'Custom')
            end
            live[round] = CM:GetConnectionStats().Live
            for number = 1, 300 do
                assert(CM:DisconnectAllForOwner('service:S' .. number) == 2)
            end
        end
        return live
        """,
    )
    assert isinstance(live, list)
    assert len(set(live)) == 1


def test_states_of_many_types_end_with_their_connections(server: Server) -> None:
    known(
        server,
        """
        local connections = {}
        for number = 1, 300 do
            connections[number] = Quiet:Connect(print)
            register('service:Combat', 'Hit' .. number, connections[number], 'Type' .. number)
        end
        for number = 1, 300, 2 do connections[number]:Disconnect() end
        """,
    )
    server.vm.advance(5)
    assert server.stats()["Services"]["Combat"]["Stale"] == 150
    known(
        server,
        """
        CM:DisconnectAllForOwner('service:Combat')
        for number = 1, 300 do register('service:Combat', 'Hit' .. number, Quiet:Connect(print), 'Type' .. number) end
        """,
    )
    server.vm.advance(5)
    combat = server.stats()["Services"]["Combat"]
    assert (combat["Stale"], combat["Live"], combat["Opened"], combat["Closed"]) == (0, 300, 600, 300)
    assert {server.stats()["Types"][f"Type{number}"] for number in range(1, 301)} == {1}


def test_a_cleanup_within_a_cleanup_ends_both(server: Server) -> None:
    result = server.lua("""
        local function ending(owner)
            return { Connected = true, Disconnect = function(self)
                self.Connected = false
                CM:DisconnectAllForOwner(owner)
            end }
        end
        local connections = {}
        for _, owner in { 'A', 'B', 'C' } do
            for number = 1, 3 do
                local connection = Quiet:Connect(print)
                table.insert(connections, connection)
                CM:RegisterConnection(owner, 'Hit' .. number, connection, 'Custom')
            end
        end
        for number = 1, 2 do -- one of them has others of its owner behind it
            CM:RegisterConnection('A', 'Ends B' .. number, ending('B'), 'Signal')
            CM:RegisterConnection('B', 'Ends C' .. number, ending('C'), 'Signal')
        end
        CM:RegisterConnection('Before', 'Hit', Quiet:Connect(print), 'Custom')
        CM:DisconnectAllForOwner('Before') -- what one cleanup leaves for the next is there
        CM:DisconnectAllForOwner('A')
        local left = 0
        for _, connection in connections do left += if connection.Connected then 1 else 0 end
        return left, CM:GetConnectionStats().Live
    """)
    assert isinstance(result, list)
    assert result[0] == 0
    assert result[1] == server.stats()["Services"]["connmon"]["Live"]
