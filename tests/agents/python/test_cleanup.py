"""What is disconnected without anybody asking, what emergency cleanup does, and callbacks that interfere."""

from collections.abc import Callable
from typing import Any

import pytest

from connmon_agent import ConnectionManager, RefusedCall
from tests.agents.python.game import Entity, Game, Named, nothing


def add(game: Game, owner: object, name: str, kind: str = "Custom", **terms: Any) -> Any:
    """A registered connection to a signal of its own."""
    connection = game.signal().connect(nothing)
    game.manager.register_connection(owner, name, connection, kind, **terms)
    return connection


def test_a_player_who_leaves_takes_all_connections_along(game: Game) -> None:
    players = [game.join(number) for number in range(5)]
    connections = [add(game, player, f"n{number}") for player in players for number in range(3)]
    for player in players:
        game.players.leave(player)
    assert not any(connection.connected for connection in connections)
    assert game.live() == 0


def test_a_player_known_by_text_only_is_cleaned_up_too(game: Game) -> None:
    player = game.join(261)
    connection = add(game, "player:261", "Tick")
    game.players.leave(player)
    assert not connection.connected


def test_player_object_and_text_are_the_same_owner(game: Game) -> None:
    player = game.join(261)
    add(game, player, "Tick")
    assert game.manager.unregister_connection("player:261", "Tick")
    add(game, "player:0261", "Tock")
    assert game.manager.disconnect_all_for_owner(player) == 1


@pytest.mark.parametrize("owner", ["PlayerMovementService", "player:", "player:x", "Player:261", "service:player:261"])
def test_an_owner_whose_name_contains_player_is_no_player(game: Game, owner: str) -> None:
    connection = add(game, owner, "Tick")
    game.players.leave(game.join(261))
    assert connection.connected
    assert game.manager.disconnect_all_for_owner(owner) == 1


def test_a_service_called_like_a_player_is_not_taken_for_the_player(game: Game) -> None:
    add(game, "service:player:5", "Tick")
    player = game.join(5)
    add(game, "player:5", "Tock")
    game.players.leave(player)
    assert game.manager.disconnect_all_for_owner("service:player:5") == 1


def test_short_and_long_name_of_a_service_mean_the_same(game: Game) -> None:
    add(game, "Combat", "a")
    add(game, "service:Combat", "b")
    assert game.manager.disconnect_all_for_owner("Combat") == 2
    add(game, "service:Combat", "a")
    assert game.manager.unregister_connection("Combat", "a")


def test_two_owners_of_one_name_are_cleaned_up_apart(game: Game) -> None:
    one, two = Named("Door"), Named("Door")
    add(game, one, "Touch")
    add(game, two, "Touch")
    assert game.manager.disconnect_all_for_owner(one) == 1
    assert game.of("Door").live == 1


def test_kinds_of_owners_with_the_same_name_are_kept_apart(game: Game) -> None:
    for kind in ("service", "controller", "system"):
        add(game, f"{kind}:Camera", "Tick")
    assert game.manager.disconnect_all_for_owner("controller:Camera") == 1
    assert game.of("Camera").live == 2


def test_a_destroyed_entity_takes_its_connections_along(game: Game) -> None:
    tool = Entity("Tool")
    connections = [add(game, tool, name) for name in ("Tick", "Equipped")]
    tool.destroying.fire()
    assert not any(connection.connected for connection in connections)
    assert len(tool.destroying) == 0


def test_waiting_for_a_destruction_costs_nothing_afterwards(game: Game) -> None:
    for number in range(50):
        tool = Entity("Tool")
        add(game, tool, "Tick")
        if number % 2:
            tool.destroying.fire()
        else:
            game.manager.disconnect_all_for_owner(tool)
        assert len(tool.destroying) == 0
    assert game.of("connmon").live == 1  # PlayerRemoving


def test_a_disconnected_connection_is_stale_and_goes_at_the_next_cleanup(game: Game) -> None:
    add(game, "Combat", "Hit").disconnect()
    assert [game.manager.cleanup_stale_connections() for _ in range(2)] == [1, 0]
    assert not game.manager.unregister_connection("Combat", "Hit")


def test_age_alone_never_ends_a_connection(game: Game) -> None:
    game.manager.connect_player_event("PlayerAdded", nothing, "LobbyService")
    game.pass_time(2_000, step=1)
    assert game.manager.cleanup_stale_connections() == 0
    assert (game.of("LobbyService").live, game.of("LobbyService").stale, game.of("LobbyService").idle) == (1, 0, 0)


def test_stale_connections_go_every_five_minutes_without_being_asked(game: Game) -> None:
    add(game, "Combat", "Hit").disconnect()
    game.pass_time(60, step=1)
    assert game.of("Combat").stale == 1
    game.pass_time(280, step=1)
    assert (game.of("Combat").live, game.of("Combat").closed, game.of("Combat").stale) == (0, 1, 0)


def test_nothing_is_cleaned_by_itself_where_the_settings_say_no(game: Game) -> None:
    game.manager.configuration.set("CONNECTION_MANAGEMENT", "AUTO_CLEANUP_STALE_CONNECTIONS", False, service="Combat")
    add(game, "Combat", "Hit").disconnect()
    add(game, "Lobby", "Hit").disconnect()
    game.pass_time(340, step=1)
    assert (game.of("Combat").stale, game.of("Lobby").live) == (1, 0)
    assert game.manager.cleanup_stale_connections() == 1  # asked, it is


def test_emergency_cleanup_says_what_it_did_and_keeps_what_is_essential(game: Game) -> None:
    saved = add(game, "Save", "Leave", essential=True)
    for number in range(3):
        add(game, "Combat", f"n{number}")
    result = game.manager.emergency_cleanup()
    assert (result.closed, result.by_service, result.dry_run) == (3, {"Combat": 3}, False)
    assert result.essential == 2  # Save's, and the manager's own
    assert saved.connected
    assert game.logged("emergency cleanup closed 3 connections") == 1


@pytest.mark.parametrize(
    ("scope", "closed"),
    [
        ({"services": ["Combat"]}, 2),
        ({"types": {"Touch"}}, 2),
        ({"services": ["Combat"], "types": ["Touch"]}, 1),
        ({"owner": "Lobby"}, 2),
        ({"owner": "Nobody"}, 0),
        ({"states": ["orphaned"]}, 0),
        ({"services": []}, 0),
        ({"dry_run": True}, 4),
    ],
)
def test_emergency_cleanup_keeps_to_its_scope(game: Game, scope: dict[str, Any], closed: int) -> None:
    for owner in ("Combat", "Lobby"):
        for kind in ("Touch", "Tick"):
            add(game, owner, kind, kind)
    result = game.manager.emergency_cleanup(**scope)
    assert result.closed == closed
    assert game.live() == (4 if scope.get("dry_run") else 4 - closed)


@pytest.mark.parametrize("scope", [{"services": "Combat"}, {"types": 5}, {"states": "stale"}])
def test_a_scope_of_no_use_is_refused_and_closes_nothing(game: Game, scope: dict[str, Any]) -> None:
    add(game, "Combat", "Hit")
    with pytest.raises(RefusedCall, match="take lists of texts"):
        game.manager.emergency_cleanup(**scope)
    assert game.live() == 1


def test_the_manager_registers_its_own_connections(game: Game) -> None:
    assert game.of("connmon").live == 1
    assert len(game.players.player_removing) == 1


def test_after_destroy_nothing_is_connected(game: Game) -> None:
    player = game.join(1)
    connections = [add(game, player, "a"), add(game, Entity("Tool"), "b"), add(game, "S", "c", essential=True)]
    game.manager.destroy()
    assert not any(connection.connected for connection in connections)
    assert len(game.players.player_removing) == 0


INTERFERENCES: dict[str, Callable[[ConnectionManager], object]] = {
    "unregisters itself": lambda manager: manager.unregister_connection("S", "n1"),
    "unregisters another": lambda manager: manager.unregister_connection("S", "n2"),
    "cleans up its owner": lambda manager: manager.disconnect_all_for_owner("S"),
    "triggers emergency cleanup": lambda manager: manager.emergency_cleanup(),
    "cleans up what is stale": lambda manager: manager.cleanup_stale_connections(),
    "destroys the manager": lambda manager: manager.destroy(),
}


@pytest.mark.parametrize("interfere", INTERFERENCES.values(), ids=INTERFERENCES.keys())
def test_a_callback_may_interfere_with_the_registry(
    game: Game, interfere: Callable[[ConnectionManager], object]
) -> None:
    signal = game.signal()
    for number in range(4):
        callback = (lambda: interfere(game.manager)) if number == 1 else nothing
        game.manager.register_connection("S", f"n{number}", signal.connect(callback))
    signal.fire()
    signal.fire()
    assert game.errors == []
    assert len(signal) == game.live()


@pytest.mark.parametrize("interfere", INTERFERENCES.values(), ids=INTERFERENCES.keys())
@pytest.mark.parametrize("end", INTERFERENCES.values(), ids=INTERFERENCES.keys())
def test_a_disconnect_may_interfere_with_the_registry(
    game: Game, interfere: Callable[[ConnectionManager], object], end: Callable[[ConnectionManager], object]
) -> None:
    class Meddling:
        connected = True

        def disconnect(self) -> None:
            self.connected = False
            interfere(game.manager)

    connections = [Meddling() for _ in range(4)]
    for number, connection in enumerate(connections):
        game.manager.register_connection("S", f"n{number}", connection)
    end(game.manager)
    assert sum(connection.connected for connection in connections) == game.live()
    assert game.log == [line for line in game.log if line.startswith("emergency cleanup")]


def test_a_disconnect_that_registers_again_leaves_the_new_connection(game: Game) -> None:
    class Returning:
        connected = True

        def __init__(self, name: str) -> None:
            self.name = name

        def disconnect(self) -> None:
            self.connected = False
            if len(self.name) < 3:
                game.manager.register_connection("S", self.name + "+", Returning(self.name + "++"))

    for name in ("a", "b"):
        game.manager.register_connection("S", name, Returning(name))
    assert game.manager.disconnect_all_for_owner("S") == 2
    assert game.of("S").live == 2
    assert game.manager.emergency_cleanup().closed == 2


def test_a_disconnect_that_raises_stops_no_other_disconnect(game: Game) -> None:
    class Faulty:
        connected = True

        def disconnect(self) -> None:
            raise OSError("library fault")

    good = game.signal().connect(nothing)
    game.manager.register_connection("S", "bad", Faulty())
    game.manager.register_connection("S", "good", good)
    game.manager.register_connection("S", "worse", Faulty())
    assert game.manager.disconnect_all_for_owner("S") == 3
    assert not good.connected
    assert game.logged("library fault") == 2


def test_an_error_in_a_callback_stops_no_other_callback(game: Game) -> None:
    ran: list[float] = []

    def fail(_: float) -> None:
        raise OSError("bad callback")

    game.manager.connect_heartbeat(ran.append, 0, "A")
    game.manager.connect_heartbeat(fail, 0, "B")
    game.manager.connect_heartbeat(ran.append, 0, "C")
    game.tick(0.1, times=2)
    assert len(ran) == 4
    assert game.logged("bad callback") == 2


def test_a_log_that_fails_is_no_reason_for_the_game_to(game: Game) -> None:
    def fail(_: str) -> None:
        raise OSError("disk full")

    game.host.log = fail
    add(game, "S", "n")
    assert game.manager.emergency_cleanup().closed == 1
