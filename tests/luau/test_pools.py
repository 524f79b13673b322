"""Pooled connections: one engine connection for each signal, slots that are used again."""

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server

SIGNAL = "local event = Instance.new('BindableEvent') local kind = 'BindableEvent.Event' "


def pool(server: Server, kind: str = "BindableEvent.Event") -> dict[str, int]:
    """The counters of one pool."""
    counters: dict[str, int] = server.stats()["Pools"][kind]
    return counters


def engine_connections(server: Server) -> int:
    """Live engine connections, those of pools among them, without what the agent always has."""
    return server.vm.live_connections() - int(server.stats()["Services"]["connmon"]["Live"])


def test_callbacks_on_one_signal_share_one_engine_connection(server: Server) -> None:
    server.lua(
        SIGNAL
        + """
        for number = 1, 5 do
            CM:GetPooledConnection(kind, event.Event, function(said) print(number, said) end)
        end
        event:Fire('hello')
    """
    )
    assert [text for _, text in server.vm.output] == [f"{number} hello" for number in range(1, 6)]
    assert engine_connections(server) == 1


def test_a_slot_given_back_is_handed_out_again_with_the_new_callback(server: Server) -> None:
    same = server.lua(
        SIGNAL
        + """
        local first = CM:GetPooledConnection(kind, event.Event, function() print('old') end)
        local returned = CM:ReturnConnectionToPool(kind, first)
        local second = CM:GetPooledConnection(kind, event.Event, function() print('new') end)
        event:Fire()
        return returned, first == second, second.Connected
    """
    )
    assert same == [True, True, True]
    assert server.vm.output == [("print", "new")]
    assert pool(server) == {"Size": 1, "InUse": 1, "Hits": 1, "Misses": 1}


def test_a_disconnected_handle_never_ends_the_callback_of_a_later_one(server: Server) -> None:
    server.lua(
        SIGNAL
        + """
        local old = CM:GetPooledConnection(kind, event.Event, print)
        old:Disconnect()
        local new = CM:GetPooledConnection(kind, event.Event, function() print('new') end)
        old:Disconnect()
        event:Fire()
        assert(new.Connected and not old.Connected)
    """
    )
    assert server.vm.output == [("print", "new")]


def test_the_engine_connection_ends_with_its_last_slot(server: Server) -> None:
    server.lua(
        SIGNAL
        + """
        shared.slots = {}
        for number = 1, 3 do shared.slots[number] = CM:GetPooledConnection(kind, event.Event, print) end
        shared.slots[1]:Disconnect()
        CM:ReturnConnectionToPool(kind, shared.slots[2])
    """
    )
    assert engine_connections(server) == 1
    server.lua("shared.slots[3]:Disconnect()")
    assert engine_connections(server) == 0


def test_an_error_in_a_pooled_callback_stops_no_other(server: Server) -> None:
    server.lua(
        SIGNAL
        + """
        CM:GetPooledConnection(kind, event.Event, function() error('bad callback') end)
        CM:GetPooledConnection(kind, event.Event, function() task.wait(1) print('waited') end)
        CM:GetPooledConnection(kind, event.Event, function() print('other') end)
        event:Fire()
    """
    )
    assert [text for _, text in server.vm.output] == ["other"]
    server.vm.advance(2)
    assert [text for _, text in server.vm.output] == ["other", "waited"]
    assert ["bad callback" in error.message for error in server.vm.errors] == [True]
    server.vm.clear_errors()


def test_callbacks_may_end_themselves_others_and_begin_new_ones(server: Server) -> None:
    server.lua(
        SIGNAL
        + """
        local connections, ran = {}, {}
        local function new(number)
            connections[number] = CM:GetPooledConnection(kind, event.Event, function()
                table.insert(ran, number)
                if number == 2 then
                    CM:ReturnConnectionToPool(kind, connections[2])
                    connections[3]:Disconnect()
                    new(9)
                end
            end)
        end
        for number = 1, 4 do new(number) end
        event:Fire()
        task.defer(function()
            print(table.concat(ran, ' '))
            event:Fire()
            task.defer(function() print(table.concat(ran, ' ')) end)
        end)
    """
    )
    assert [text for _, text in server.vm.output] == ["1 2 4", "1 2 4 1 4 9"]


def test_giving_back_twice_says_false(server: Server) -> None:
    assert server.lua(
        SIGNAL
        + """
        local connection = CM:GetPooledConnection(kind, event.Event, print)
        return CM:ReturnConnectionToPool(kind, connection), CM:ReturnConnectionToPool(kind, connection)
    """
    ) == [True, False]
    assert pool(server)["Size"] == 1


def test_giving_back_to_the_pool_of_another_type_says_false(server: Server) -> None:
    assert server.lua(
        SIGNAL
        + """
        local connection = CM:GetPooledConnection(kind, event.Event, print)
        return CM:ReturnConnectionToPool('Custom', connection), connection.Connected
    """
    ) == [False, True]


def test_a_destroyed_instance_leaves_no_connected_slot(server: Server) -> None:
    assert (
        server.lua(
            SIGNAL
            + """
        local connection = CM:GetPooledConnection(kind, event.Event, print)
        event:Destroy()
        local dead = connection.Connected
        CM:ReturnConnectionToPool(kind, connection)
        return dead
    """
        )
        is False
    )
    assert pool(server)["InUse"] == 0


def test_a_registered_pooled_connection_is_cleaned_with_its_owner(server: Server) -> None:
    server.lua(
        SIGNAL
        + """
        shared.connection = CM:GetPooledConnection(kind, event.Event, print)
        CM:RegisterConnection('Combat', 'Hit', shared.connection, kind)
        CM:DisconnectAllForOwner('Combat')
    """
    )
    assert server.lua("return shared.connection.Connected") is False
    assert engine_connections(server) == 0


def test_a_connection_given_back_leaves_the_registry(server: Server) -> None:
    assert server.lua(
        SIGNAL
        + """
        for _ = 1, 2 do -- the second time through the path for known lines
            local connection = CM:GetPooledConnection(kind, event.Event, print)
            CM:RegisterConnection('Combat', 'Hit', connection, kind)
            CM:ReturnConnectionToPool(kind, connection)
        end
        local later = CM:GetPooledConnection(kind, event.Event, print)
        CM:DisconnectAllForOwner('Combat')
        return later.Connected, CM:GetConnectionStats().Services.Combat.Live
    """
    ) == [True, 0]
    assert pool(server)["Hits"] == 2


def test_a_connection_registered_by_two_names_is_not_used_again(server: Server) -> None:
    assert server.lua(
        SIGNAL
        + """
        local connection = CM:GetPooledConnection(kind, event.Event, print)
        CM:RegisterConnection('Combat', 'Hit', connection, kind)
        CM:RegisterConnection('Lobby', 'Hit', connection, kind)
        CM:ReturnConnectionToPool(kind, connection)
        local later = CM:GetPooledConnection(kind, event.Event, print)
        CM:EmergencyCleanup()
        return later == connection, later.Connected
    """
    ) == [False, True]


@pytest.mark.parametrize(
    ("section", "key", "value", "kept"),
    [
        ("CONNECTION_POOLS", "DEFAULT_POOL_SIZE", "30", 25),
        ("CONNECTION_POOLS", "DEFAULT_POOL_SIZE", "0", 20),
        ("CONNECTION_MANAGEMENT", "MAX_POOL_SIZE_PER_TYPE", "4", 4),
        ("CONNECTION_POOLS", "MAX_POOL_SIZE", "7", 7),
    ],
)
def test_a_pool_keeps_as_many_idle_slots_as_its_settings_say(
    server: Server, section: str, key: str, value: str, kept: int
) -> None:
    server.lua(
        f"connmon.ConfigurationManager:Set('{section}', '{key}', {value})"
        + SIGNAL
        + """
        local connections = {}
        for number = 1, 20 do connections[number] = CM:GetPooledConnection(kind, event.Event, print) end
        for number = 1, 20 do CM:ReturnConnectionToPool(kind, connections[number]) end
    """
    )
    assert pool(server) == {"Size": min(kept, 20), "InUse": 0, "Hits": 0, "Misses": 20}


def test_past_its_size_a_pool_shares_the_connection_but_keeps_no_slot(server: Server) -> None:
    server.lua(
        "connmon.ConfigurationManager:Set('CONNECTION_POOLS', 'MAX_POOL_SIZE', 2)"
        + SIGNAL
        + """
        shared.slots = {}
        for number = 1, 4 do
            shared.slots[number] = CM:GetPooledConnection(kind, event.Event, function() print(number) end)
        end
        event:Fire()
    """
    )
    assert [text for _, text in server.vm.output] == ["1", "2", "3", "4"]
    assert engine_connections(server) == 1
    assert pool(server) == {"Size": 2, "InUse": 2, "Hits": 0, "Misses": 4}
    server.lua("for _, slot in shared.slots do CM:ReturnConnectionToPool('BindableEvent.Event', slot) end")
    assert pool(server) == {"Size": 2, "InUse": 0, "Hits": 0, "Misses": 4}
    assert engine_connections(server) == 0


@pytest.mark.parametrize(
    "setting",
    [
        "'CONNECTION_MANAGEMENT', 'ENABLE_CONNECTION_POOLING', false",
        "'CONNECTION_POOLS', 'POOL_TYPES', { 'Custom' }",
    ],
)
def test_without_a_pool_a_connection_is_a_plain_one(server: Server, setting: str) -> None:
    result = server.lua(
        f"connmon.ConfigurationManager:Set({setting})"
        + SIGNAL
        + """
        local first = CM:GetPooledConnection(kind, event.Event, print)
        local second = CM:GetPooledConnection(kind, event.Event, print)
        return typeof(first), CM:ReturnConnectionToPool(kind, first), first.Connected, second.Connected
    """
    )
    assert result == ["RBXScriptConnection", True, False, True]
    assert server.stats()["Pools"] == {}


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("CM:GetPooledConnection(nil, Quiet, print)", "connectionType takes"),
        ("CM:GetPooledConnection('', Quiet, print)", "connectionType takes"),
        ("CM:GetPooledConnection('Custom', nil, print)", "signal takes"),
        ("CM:GetPooledConnection('Custom', {}, print)", "signal takes"),
        ("CM:GetPooledConnection('Custom', Quiet, nil)", "callback takes"),
        ("CM:ReturnConnectionToPool('Custom', nil)", "takes what GetPooledConnection returned"),
        ("CM:ReturnConnectionToPool('Custom', {})", "takes what GetPooledConnection returned"),
        ("CM:ReturnConnectionToPool(5, Quiet)", "connectionType takes"),
    ],
)
def test_useless_arguments_are_refused_and_name_the_caller(server: Server, call: str, complaint: str) -> None:
    with pytest.raises(LuauError, match=rf"{complaint}.*\(called at ServerScriptService\.Script:1\)"):
        server.lua(call)
    assert engine_connections(server) == 0


def test_heartbeats_share_one_engine_connection_and_reuse_slots(server: Server) -> None:
    server.lua("""
        shared.calls = 0
        for round = 1, 10 do
            for _ = 1, 5 do CM:ConnectHeartbeat(function() shared.calls += 1 end, 0, 'Combat') end
            if round < 10 then CM:DisconnectAllForOwner('Combat') end
        end
    """)
    server.vm.advance(1, fps=10)
    assert server.lua("return shared.calls") == 50
    assert server.live() == 1
    assert pool(server, "RunService.Heartbeat") == {"Size": 5, "InUse": 5, "Hits": 45, "Misses": 5}


def test_an_old_handle_of_a_heartbeat_never_ends_a_later_one(server: Server) -> None:
    assert server.lua("""
        local old = CM:ConnectHeartbeat(print, 1, 'Combat')
        CM:DisconnectAllForOwner('Combat')
        local new = CM:ConnectHeartbeat(print, 1, 'Lobby')
        local before = old.Connected
        old:Disconnect()
        return before, new.Connected
    """) == [False, True]


def test_disconnecting_a_heartbeat_by_its_handle_takes_it_from_the_registry(server: Server) -> None:
    assert server.lua("""
        local connection = CM:ConnectHeartbeat(print, 1, 'Combat')
        connection:Disconnect()
        connection:Disconnect()
        return connection.Connected, CM:GetConnectionStats().Services.Combat.Closed
    """) == [False, 1]


def test_a_signal_that_fails_to_connect_changes_nothing(server: Server) -> None:
    server.lua("""
        local broken = { Connect = function() error('broken') end }
        assert(not pcall(CM.GetPooledConnection, CM, 'Custom', broken, print))
    """)
    assert pool(server, "Custom") == {"Size": 0, "InUse": 0, "Hits": 0, "Misses": 0}


def test_types_past_the_bound_share_one_pool(server: Server) -> None:
    server.lua("""
        for batch = 0, 1 do
            local types = {}
            for number = 1, 50 do types[number] = 'Type' .. 50 * batch + number end
            connmon.ConfigurationManager:Set('CONNECTION_POOLS', 'POOL_TYPES', types)
            for _, kind in types do CM:GetPooledConnection(kind, Quiet, print) end
        end
    """)
    pools = server.stats()["Pools"]
    assert len(pools) == 64
    assert pools["(other)"]["InUse"] == 37


def test_reports_carry_the_counters_of_pools_that_changed(reporting: Server) -> None:
    reporting.lua("""
        shared.slot = CM:GetPooledConnection('Custom', Quiet, print)
        CM:GetPooledConnection('BindableEvent.Event', Quiet, print)
    """)
    reporting.wait_for(lambda: bool(reporting.backend.received))
    first = {pool.type: pool for pool in reporting.backend.received[-1].pools}
    assert {kind: (p.size, p.in_use, p.hits, p.misses) for kind, p in first.items()} == {
        "Custom": (1, 1, 0, 1),
        "BindableEvent.Event": (1, 1, 0, 1),
    }
    reporting.lua("CM:ReturnConnectionToPool('Custom', shared.slot)")
    taken = len(reporting.backend.received)
    reporting.wait_for(lambda: len(reporting.backend.received) > taken)
    assert [(pool.type, pool.in_use) for pool in reporting.backend.received[-1].pools] == [("Custom", 0)]


def test_giving_back_to_another_types_pool_changes_nothing(server: Server) -> None:
    answers = server.lua(
        """
        local event = Instance.new('BindableEvent')
        local connection = CM:GetPooledConnection('BindableEvent.Event', event.Event, print)
        CM:RegisterConnection('Shop', 'Sold', connection, 'BindableEvent.Event')
        local returned = CM:ReturnConnectionToPool('Custom', connection)
        return returned, connection.Connected, CM:GetConnectionStats().Services.Shop.Live
    """
    )
    assert answers == [False, True, 1]


def test_giving_back_makes_no_pools(server: Server) -> None:
    server.lua(
        """
        local event = Instance.new('BindableEvent')
        local connection = CM:GetPooledConnection('BindableEvent.Event', event.Event, print)
        for number = 1, 100 do CM:ReturnConnectionToPool(`Misspelt{number}`, connection) end
    """
    )
    assert list(server.stats()["Pools"]) == ["BindableEvent.Event"]


DESTROYED = """
    for number = 1, 60 do
        local part = Instance.new('Part')
        CM:GetPooledConnection('BasePart.Touched', part.Touched, print)
        part:Destroy()
    end
"""


def test_slots_on_destroyed_instances_are_not_in_use_for_good(server: Server) -> None:
    server.lua(DESTROYED)
    server.lua("CM:CleanupStaleConnections()")
    assert server.stats()["Pools"]["BasePart.Touched"]["InUse"] == 0


def test_slots_on_destroyed_instances_are_found_without_being_asked(server: Server) -> None:
    server.lua(DESTROYED)
    server.vm.advance(10, 10)
    assert server.stats()["Pools"]["BasePart.Touched"]["InUse"] == 0


STRICT_LIBRARY = """
    local Connection = {}
    Connection.__index = Connection
    function Connection.Disconnect(self) self._connected = false end
    setmetatable(Connection, { __index = function(_, key) error('no member ' .. key) end })
    local signal = {}
    function signal.Connect(self, callback)
        self.callback = callback
        return setmetatable({ _connected = true }, Connection)
    end
"""


def test_signals_of_a_strict_library_can_be_pooled(server: Server) -> None:
    server.lua(
        STRICT_LIBRARY
        + """
        local one = CM:GetPooledConnection('Custom', signal, function() print('one') end)
        local two = CM:GetPooledConnection('Custom', signal, function() print('two') end)
        assert(one.Connected and two.Connected)
        CM:CleanupStaleConnections()
        signal.callback()
        assert(one.Connected and two.Connected)
    """
    )
    assert [text for _, text in server.vm.output] == ["one", "two"]
