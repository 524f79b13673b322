"""ConfigurationManager: defaults, checks, observers, the backend's revisions, values of single services."""

import pytest

from luauvm import LuauError
from tests.luau.conftest import Server

CONFIG = "local Config = connmon.ConfigurationManager; "
MANAGEMENT = "'CONNECTION_MANAGEMENT', "
POOLS = "'CONNECTION_POOLS', "


def get(server: Server, section: str, key: str, service: str = "nil") -> object:
    """A setting's value."""
    value: object = server.lua(f"{CONFIG} return Config:Get('{section}', '{key}', {service})")
    return value


@pytest.mark.parametrize(
    ("section", "key", "default"),
    [
        ("CONNECTION_MANAGEMENT", "ENABLE_CONNECTION_POOLING", True),
        ("CONNECTION_MANAGEMENT", "MAX_POOL_SIZE_PER_TYPE", 25),
        ("CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", 300),
        ("CONNECTION_MANAGEMENT", "EMERGENCY_CLEANUP_THRESHOLD", 0.95),
        ("CONNECTION_MANAGEMENT", "AUTO_CLEANUP_STALE_CONNECTIONS", True),
        ("CONNECTION_POOLS", "DEFAULT_POOL_SIZE", 10),
        ("CONNECTION_POOLS", "MAX_POOL_SIZE", 50),
    ],
)
def test_settings_begin_with_their_defaults(server: Server, section: str, key: str, default: object) -> None:
    assert get(server, section, key) == default


def test_every_type_the_agent_connects_stands_in_pool_types(server: Server) -> None:
    types = get(server, "CONNECTION_POOLS", "POOL_TYPES")
    assert isinstance(types, list)
    assert {"RunService.Heartbeat", "Players.PlayerAdded", "RemoteEvent.OnServerEvent", "Custom"} <= set(types)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (MANAGEMENT + "'ENABLE_CONNECTION_POOLING', 1", "takes true or false, not 1; the last good value stays"),
        (MANAGEMENT + "'MAX_POOL_SIZE_PER_TYPE', 2.5", "a whole number from 0 to 1000"),
        (MANAGEMENT + "'MAX_POOL_SIZE_PER_TYPE', -1", "a whole number from 0 to 1000"),
        (MANAGEMENT + "'STALE_CONNECTION_THRESHOLD', 0/0", "60 to 86400 seconds"),
        (MANAGEMENT + "'STALE_CONNECTION_THRESHOLD', '300'", "60 to 86400 seconds"),
        (MANAGEMENT + "'STALE_CONNECTION_THRESHOLD', nil", "60 to 86400 seconds"),
        (MANAGEMENT + "'EMERGENCY_CLEANUP_THRESHOLD', 1.5", "0.01 to 1 of the budget"),
        (POOLS + "'POOL_TYPES', 5", "a list of at most 64 different types"),
        (POOLS + "'POOL_TYPES', { Custom = true }", "a list of at most 64 different types"),
        (POOLS + "'POOL_TYPES', { 'Custom', 'Custom' }", "a list of at most 64 different types"),
        (POOLS + "'POOL_TYPES', { 5 }", "a list of at most 64 different types"),
        (POOLS + "'POOL_TYPES', { 'a\\nb' }", "a list of at most 64 different types"),
        (POOLS + "'POOL_TYPES', { string.rep('x', 65) }", "a list of at most 64 different types"),
        (POOLS + "'POOL_TYPES', string.split(string.rep('x,', 65), ',')", "a list of at most 64 different types"),
        (POOLS + "'DEFAULT_POOL_SIZE', 5, 'Combat'", "one value for all services"),
        (MANAGEMENT + "'EMERGENCY_CLEANUP_THRESHOLD', 0.5, 'Combat'", "one value for all services"),
        (MANAGEMENT + "'STALE', 5", "there is no setting CONNECTION_MANAGEMENT.STALE"),
        ("nil, nil, 5", "there is no setting"),
        (MANAGEMENT + "'STALE_CONNECTION_THRESHOLD', 120, ''", "service takes the name of a service"),
    ],
)
def test_a_bad_value_is_refused_and_the_last_good_one_stays(server: Server, arguments: str, complaint: str) -> None:
    before = server.lua(f"{CONFIG} return Config.values")
    with pytest.raises(LuauError, match=complaint):
        server.lua(f"{CONFIG} Config:Set({arguments})")
    assert server.lua(f"{CONFIG} return Config.values") == before


def test_a_list_with_the_same_types_is_no_change(server: Server) -> None:
    server.lua(f"""
        {CONFIG}
        Config:Set('CONNECTION_POOLS', 'POOL_TYPES', {{ 'Custom', 'Humanoid.Died' }})
        Config:OnChanged(print)
        Config:Set('CONNECTION_POOLS', 'POOL_TYPES', {{ 'Custom', 'Humanoid.Died' }})
    """)
    assert get(server, "CONNECTION_POOLS", "POOL_TYPES") == ["Custom", "Humanoid.Died"]
    assert server.vm.output == []


def test_a_service_may_have_a_value_of_its_own(server: Server) -> None:
    server.lua(f"{CONFIG} Config:Set({MANAGEMENT} 'STALE_CONNECTION_THRESHOLD', 120, 'Combat')")
    assert get(server, "CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", "'Combat'") == 120
    assert get(server, "CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", "'Lobby'") == 300


def test_observers_hear_each_change_once_and_may_leave(server: Server) -> None:
    server.lua(f"""
        {CONFIG}
        local connection = Config:OnChanged(function(change)
            print(change.Section, change.Key, change.Value, change.Service)
        end)
        Config:Set('CONNECTION_POOLS', 'DEFAULT_POOL_SIZE', 20)
        Config:Set('CONNECTION_POOLS', 'DEFAULT_POOL_SIZE', 20)
        Config:Set({MANAGEMENT} 'AUTO_CLEANUP_STALE_CONNECTIONS', false, 'Combat')
        connection:Disconnect()
        Config:Set('CONNECTION_POOLS', 'DEFAULT_POOL_SIZE', 30)
        print(connection.Connected)
    """)
    assert [text for _, text in server.vm.output] == [
        "CONNECTION_POOLS DEFAULT_POOL_SIZE 20 nil",
        "CONNECTION_MANAGEMENT AUTO_CLEANUP_STALE_CONNECTIONS false Combat",
        "false",
    ]


def test_an_observer_that_fails_stops_no_other(server: Server) -> None:
    server.lua(f"""
        {CONFIG}
        Config:OnChanged(function() error('bad observer') end)
        Config:OnChanged(function(change) print(change.Value) end)
        Config:Set('CONNECTION_POOLS', 'DEFAULT_POOL_SIZE', 20)
    """)
    assert server.vm.output == [("print", "20")]
    assert len(server.vm.errors) == 1
    server.vm.clear_errors()


def test_a_revision_is_taken_over_and_its_bad_values_are_reported(server: Server) -> None:
    refused = server.lua(f"""
        {CONFIG}
        Config:OnRefused(function(sentence) print('refused:', sentence) end)
        return {{ Config:Apply({{
            revision = 7,
            CONNECTION_MANAGEMENT = {{ STALE_CONNECTION_THRESHOLD = 1, AUTO_CLEANUP_STALE_CONNECTIONS = false }},
            CONNECTION_POOLS = {{ DEFAULT_POOL_SIZE = 20, OF_A_NEWER_VERSION = {{}} }},
            ANOTHER_SECTION = {{ x = 1 }},
        }}), Config.revision }}
    """)
    assert refused[1] == 7
    assert len(refused[0]) == 1
    assert "STALE_CONNECTION_THRESHOLD takes 60 to 86400 seconds, not 1" in refused[0][0]
    assert get(server, "CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD") == 300
    assert get(server, "CONNECTION_MANAGEMENT", "AUTO_CLEANUP_STALE_CONNECTIONS") is False
    assert get(server, "CONNECTION_POOLS", "DEFAULT_POOL_SIZE") == 20
    assert sum("refused: " in text for _, text in server.vm.output) == 1
    assert sum(level == "warn" for level, _ in server.vm.output) == 1


@pytest.mark.parametrize(
    "message",
    ["nil", "5", "{}", "{ revision = -1 }", "{ revision = 1.5 }", "{ revision = 0/0 }", "{ revision = 2 ^ 40 }"],
)
def test_a_message_without_a_revision_changes_nothing(server: Server, message: str) -> None:
    refused = server.lua(f"{CONFIG} return Config:Apply({message})")
    assert refused == ["the configuration has no revision"]
    assert server.lua(f"{CONFIG} return Config.revision") == 0


@pytest.mark.parametrize("services", ["5", "{ Combat = 5 }", "{ 1, 2 }"])
def test_services_of_no_form_are_refused(server: Server, services: str) -> None:
    server.lua(f"{CONFIG} Config:Set({MANAGEMENT} 'STALE_CONNECTION_THRESHOLD', 120, 'Combat')")
    refused = server.lua(f"{CONFIG} return Config:Apply({{ revision = 1, services = {services} }})")
    assert refused == ["services takes an object of at most 1000 services"]
    assert get(server, "CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", "'Combat'") == 120


def test_services_of_a_revision_replace_all_values_of_services(server: Server) -> None:
    server.lua(f"""
        {CONFIG}
        Config:Set({MANAGEMENT} 'STALE_CONNECTION_THRESHOLD', 120, 'Combat')
        Config:Set({MANAGEMENT} 'STALE_CONNECTION_THRESHOLD', 120, 'Lobby')
        Config:OnChanged(function(change) print(change.Service, change.Value) end)
        Config:Apply({{ revision = 1, services = {{
            Lobby = {{ CONNECTION_MANAGEMENT = {{ STALE_CONNECTION_THRESHOLD = 120 }} }},
            Trade = {{ CONNECTION_MANAGEMENT = {{ STALE_CONNECTION_THRESHOLD = 600 }} }},
        }} }})
    """)
    values = [
        get(server, "CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", f"'{service}'")
        for service in ("Combat", "Lobby", "Trade")
    ]
    assert values == [300, 120, 600]
    assert sorted(text for _, text in server.vm.output) == ["Combat 300", "Trade 600"]


def test_the_threshold_of_a_service_decides_when_its_connections_are_stale(server: Server) -> None:
    server.vm.join("Ann", 1)
    server.lua(f"""
        {CONFIG}
        Config:Set({MANAGEMENT} 'STALE_CONNECTION_THRESHOLD', 90, 'Combat')
        shared.ann = Players:GetPlayers()[1]
    """)
    server.vm.leave(1)
    server.lua("""
        CM:RegisterConnection(shared.ann, 'a', Quiet:Connect(print), 'Custom', { Service = 'Combat' })
        CM:RegisterConnection(shared.ann, 'b', Quiet:Connect(print), 'Custom', { Service = 'Lobby' })
    """)
    server.vm.advance(100, fps=2)
    services = server.stats()["Services"]
    assert (services["Combat"]["Stale"], services["Lobby"]["Orphaned"]) == (1, 1)


def test_a_service_may_keep_its_stale_connections(server: Server) -> None:
    server.lua(f"""
        {CONFIG}
        Config:Set({MANAGEMENT} 'AUTO_CLEANUP_STALE_CONNECTIONS', false, 'Combat')
        for _, service in {{ 'Combat', 'Lobby' }} do
            local connection = Quiet:Connect(print)
            CM:RegisterConnection(service, 'n', connection, 'Custom')
            connection:Disconnect()
        end
    """)
    server.vm.advance(700, fps=2)
    services = server.stats()["Services"]
    assert (services["Combat"]["Stale"], services["Lobby"]["Live"]) == (1, 0)
