"""A simulated server that is in order: alive, the same for the same seed, and free of leaks for hours."""

from simulation import SimulatedServer
from simulation.services import service_names
from simulation.services.obstacle_spawner import MAX_OBSTACLES, ObstacleSpawnerService
from tests.demo.worlds import AGENT, EPOCH, MINUTE, QUIET, empty, live, make_world, orphaned, pass_time, stale


def trace(server: SimulatedServer) -> object:
    """What a world looks like now."""
    players = [getattr(player, "user_id", 0) for player in server.world.players]
    return players, live(server), server.stats.opened, server.world.engine_connections()


def test_the_same_seed_makes_the_same_world_however_its_time_passes() -> None:
    servers = [make_world("leave", "trove", seed="7") for _ in range(2)]
    for server, step in zip(servers, (None, 0.7), strict=True):
        pass_time(server, 10 * MINUTE, step)
    assert trace(servers[0]) == trace(servers[1])


def test_another_seed_makes_another_world() -> None:
    servers = [make_world(seed=seed) for seed in ("7", "8")]
    for server in servers:
        pass_time(server, 10 * MINUTE)
    assert trace(servers[0]) != trace(servers[1])


def test_a_world_in_order_leaks_nothing_in_two_hours() -> None:
    server, fresh = make_world(), make_world()
    for _ in range(24):
        pass_time(server, 5 * MINUTE)
        assert (orphaned(server), stale(server)) == ({}, {})
    empty(server)
    empty(fresh)
    engine = server.world.engine_connections() - len(things(server))
    assert engine == fresh.world.engine_connections() - len(things(fresh))
    assert without_things(server) == without_things(fresh)
    assert server.stats.opened > 20 * server.stats.live


def things(server: SimulatedServer) -> list[int]:
    """Two engine connections for each obstacle of the round that is on: its own, and the agent's for its end."""
    return [0] * (2 * live(server)["ObstacleSpawnerService"])


def without_things(server: SimulatedServer) -> dict[str, int]:
    """Live connections by service, but for those of the round that is on."""
    obstacles = live(server)["ObstacleSpawnerService"]
    assert obstacles <= MAX_OBSTACLES + 5
    return live(server) | {"ObstacleSpawnerService": 0, AGENT: live(server)[AGENT] - obstacles}


def test_players_come_die_rest_and_go() -> None:
    server = make_world()
    seen: set[int] = set()
    respawns: list[object] = []
    idle = 0
    server.world.spawned.connect(respawns.append)
    for _ in range(40):
        pass_time(server, MINUTE)
        seen |= {getattr(player, "user_id", 0) for player in server.world.players}
        idle += server.stats.idle
    assert len(seen) > 30
    assert len(respawns) > 2 * len(seen)
    assert idle > 0
    assert 1 <= len(server.world.players) <= 30


def test_memory_follows_players_and_connections() -> None:
    server = make_world("fast")
    pass_time(server, 10 * MINUTE)
    before, signals_before = server.world.host.memory()
    players = len(server.world.players)
    pass_time(server, 20 * MINUTE)
    empty(server)
    after, signals_after = server.world.host.memory()
    assert before is not None
    assert after is not None
    assert after < before - 3 * players
    assert signals_before is not None
    assert signals_after is not None
    assert signals_after > signals_before


def test_pools_are_used_and_reused() -> None:
    server = make_world()
    pass_time(server, 10 * MINUTE)
    pool = server.stats.pools["RunService.Heartbeat"]
    assert pool.hits > 10 * pool.misses > 0


def test_essential_connections_survive_an_emergency() -> None:
    server = make_world()
    pass_time(server, 5 * MINUTE)
    result = server.world.manager.emergency_cleanup()
    left = {name: count for name, count in live(server).items() if count}
    assert result.closed > 100
    assert left.keys() == {AGENT, "DataService", "LeaderboardService"}
    pass_time(server, 5 * MINUTE)


def test_the_game_has_the_services_it_says_it_has() -> None:
    assert set(service_names()) == live(make_world()).keys() - {AGENT}


def test_a_server_that_stops_leaves_nothing_connected() -> None:
    server = make_world()
    pass_time(server, 10 * MINUTE)
    server.stop()
    assert server.stats.live == 0
    assert server.world.engine_connections() == 0


def test_the_obstacle_spawner_says_what_it_cleaned() -> None:
    server = make_world()
    spawner = next(one for one in server.services if isinstance(one, ObstacleSpawnerService))
    cleaned = spawner.cleanup()
    assert cleaned.by_type == {
        "BindableEvent.Event": 2,
        "Players.PlayerAdded": 1,
        "Players.PlayerRemoving": 1,
        "RunService.Heartbeat": 1,
    }
    assert live(server)["ObstacleSpawnerService"] == 0


def test_events_happen_at_their_own_time_and_not_when_somebody_looks() -> None:
    server = make_world()
    pass_time(server, QUIET, step=QUIET)
    moments = [server.world.manager.core.registry.at[slot] for slot in range(server.world.manager.core.registry.top)]
    inside = [moment for moment in moments if EPOCH < moment < EPOCH + QUIET]
    assert len(set(inside)) > 20
