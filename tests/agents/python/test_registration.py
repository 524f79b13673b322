"""Registering and unregistering connections."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from connmon_agent import ConnectionManager, RefusedCall, ServiceStats
from tests.agents.python.game import Game, Named, named, nothing


class Bare:
    """A connection that cannot be asked whether it is connected."""

    def __init__(self) -> None:
        self.ended = 0

    def disconnect(self) -> None:
        self.ended += 1


def test_a_registered_connection_is_counted_under_its_service(game: Game) -> None:
    game.manager.register_connection("service:Combat", "Hit", game.signal().connect(nothing), "RunService.Stepped")
    assert game.of("Combat") == ServiceStats(live=1, opened=1, closed=0, idle=0, orphaned=0, stale=0)
    assert game.manager.get_connection_stats().types["RunService.Stepped"] == 1


def test_unregistering_disconnects_the_connection(game: Game) -> None:
    connection = game.signal().connect(nothing)
    game.manager.register_connection("service:Combat", "Hit", connection)
    assert game.manager.unregister_connection("service:Combat", "Hit")
    assert not connection.connected
    assert not game.manager.unregister_connection("service:Combat", "Hit")


def test_a_name_taken_twice_disconnects_the_old_connection(game: Game) -> None:
    old, new = game.signal().connect(nothing), game.signal().connect(nothing)
    for connection in (old, new):
        game.manager.register_connection("Combat", "Hit", connection)
    assert (old.connected, new.connected, game.of("Combat").live) == (False, True, 1)


def test_the_same_connection_registered_twice_stays_connected(game: Game) -> None:
    connection = game.signal().connect(nothing)
    numbers = {game.manager.register_connection("Combat", "Hit", connection) for _ in range(3)}
    assert (len(numbers), connection.connected, game.of("Combat").opened) == (1, True, 1)


def test_an_id_is_never_used_twice_though_its_slot_is(game: Game) -> None:
    numbers = []
    for _ in range(5):
        numbers.append(game.manager.register_connection("Combat", "Hit", game.signal().connect(nothing)))
        game.manager.unregister_connection("Combat", "Hit")
    assert numbers == sorted(set(numbers))
    assert game.manager.core.registry.top == 2  # the manager's own, and this one


def test_a_dead_connection_is_refused_with_an_error_that_names_the_caller(game: Game) -> None:
    connection = game.signal().connect(nothing)
    connection.disconnect()
    with pytest.raises(RefusedCall, match=r'"Hit" is already disconnected.*\(called at .*test_registration:\d+\)'):
        game.manager.register_connection("Combat", "Hit", connection)
    assert game.live() == 0


@pytest.mark.parametrize("owner", [None, 5, 2.5, True, "", b"Combat", [], {}, (), set()], ids=named)
def test_what_cannot_own_is_refused(game: Game, owner: object) -> None:
    with pytest.raises(RefusedCall, match="owner takes"):
        game.manager.register_connection(owner, "Hit", game.signal().connect(nothing))
    assert game.live() == 0


@pytest.mark.parametrize("name", [None, 5, "", b"Hit", ["Hit"]], ids=named)
def test_a_name_that_is_no_text_is_refused(game: Game, name: str) -> None:
    with pytest.raises(RefusedCall, match="connection_name takes"):
        game.manager.register_connection("Combat", name, game.signal().connect(nothing))


@pytest.mark.parametrize("kind", [None, 5, "", b"Custom"], ids=named)
def test_a_type_that_is_no_text_is_refused(game: Game, kind: str) -> None:
    with pytest.raises(RefusedCall, match="connection_type takes"):
        game.manager.register_connection("Combat", "Hit", game.signal().connect(nothing), kind)


@pytest.mark.parametrize("service", [5, "", b"Combat"], ids=named)
def test_a_service_that_is_no_text_is_refused(game: Game, service: str) -> None:
    with pytest.raises(RefusedCall, match="service takes"):
        game.manager.register_connection("Combat", "Hit", game.signal().connect(nothing), service=service)


@pytest.mark.parametrize("connection", [None, 7, "x", nothing, Bare, SimpleNamespace(connected=True)], ids=named)
def test_what_is_no_connection_is_refused(game: Game, connection: object) -> None:
    with pytest.raises(RefusedCall, match="is no connection"):
        game.manager.register_connection("Combat", "Hit", connection)  # type: ignore[arg-type]
    assert game.live() == 0


def test_a_line_that_registered_a_good_connection_refuses_a_bad_one(game: Game) -> None:
    dead = game.signal().connect(nothing)
    dead.disconnect()
    connections: list[Any] = [game.signal().connect(nothing), dead, SimpleNamespace(connected=True), None]
    refused = 0
    for number, connection in enumerate(connections):
        try:
            game.manager.register_connection("Combat", f"n{number}", connection)
        except RefusedCall:
            refused += 1
    assert (refused, game.of("Combat").live) == (3, 1)


@pytest.mark.parametrize("service", [5, "", b"Combat"], ids=named)
def test_what_connects_refuses_a_service_that_is_no_text(game: Game, service: str) -> None:
    with pytest.raises(RefusedCall, match="service takes"):
        game.manager.connect_player_event("PlayerAdded", nothing, "Lobby", service=service)
    with pytest.raises(RefusedCall, match="service takes"):
        game.manager.connect_heartbeat(nothing, 1, "Lobby", service=service)
    assert game.live() == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.unregister_connection(None, "Hit"),
        lambda m: m.unregister_connection("Combat", None),
        lambda m: m.unregister_connection([], "x"),
        lambda m: bool(m.disconnect_all_for_owner(None)),
        lambda m: bool(m.disconnect_all_for_owner(5)),
        lambda m: bool(m.disconnect_all_for_owner("Nobody")),
    ],
)
def test_forgetting_what_is_not_there_does_nothing(game: Game, call: Callable[[ConnectionManager], bool]) -> None:
    assert call(game.manager) is False


def test_a_connection_that_cannot_be_asked_is_taken_and_disconnected(game: Game) -> None:
    bare = Bare()
    game.manager.register_connection("Combat", "Hit", bare)  # type: ignore[arg-type]
    assert game.manager.cleanup_stale_connections() == 0
    assert game.manager.unregister_connection("Combat", "Hit")
    assert bare.ended == 1


def test_a_connection_whose_state_is_a_property_is_taken(game: Game) -> None:
    class Computed:
        ended = False

        @property
        def connected(self) -> bool:
            return not self.ended

        def disconnect(self) -> None:
            self.ended = True

    connection = Computed()
    game.manager.register_connection("Combat", "Hit", connection)
    connection.disconnect()
    assert game.manager.cleanup_stale_connections() == 1


def test_a_connection_that_fails_to_answer_is_stale(game: Game) -> None:
    class Faulty:
        broken = False

        @property
        def connected(self) -> bool:
            if self.broken:
                raise OSError("gone")
            return True

        def disconnect(self) -> None:
            raise OSError("gone")

    faulty = Faulty()
    game.manager.register_connection("Combat", "Hit", faulty)
    faulty.broken = True
    assert game.manager.cleanup_stale_connections() == 1
    assert game.logged("did not disconnect") == 1


def test_names_made_by_the_manager_never_collide(game: Game) -> None:
    names = {game.manager.connect_heartbeat(nothing, 1, "Combat")[1] for _ in range(200)}
    assert (len(names), game.of("Combat").live) == (200, 200)


def test_a_connection_counts_under_the_module_that_made_it_when_a_player_owns_it(game: Game) -> None:
    player = game.join(261)
    game.manager.register_connection(player, "Chat", game.signal().connect(nothing))
    assert game.of("test_registration").live == 1


def test_a_module_that_wraps_a_service_counts_under_that_service(game: Game) -> None:
    player = game.join(261)
    game.utils.wrap_service(Named("x"), "CombatService")
    game.manager.register_connection(player, "Chat", game.signal().connect(nothing))
    assert game.of("CombatService").live == 1


def test_a_module_that_wraps_two_services_counts_under_its_own_name(game: Game) -> None:
    player = game.join(261)
    for name in ("CombatService", "PetService"):
        game.utils.wrap_service(Named("x"), name)
    game.manager.register_connection(player, "Chat", game.signal().connect(nothing))
    assert game.of("test_registration").live == 1


def test_a_service_given_counts_before_the_owner_and_the_module(game: Game) -> None:
    game.manager.register_connection("Combat", "Hit", game.signal().connect(nothing), service="PvP")
    assert (game.of("PvP").live, game.of("Combat").live) == (1, 0)


def test_an_object_without_a_name_counts_under_its_class(game: Game) -> None:
    class DoorService:
        """A service that nobody wrapped."""

    game.manager.register_connection(DoorService(), "Touch", game.signal().connect(nothing))
    assert game.of("DoorService").live == 1


def test_services_without_end_share_one_entry(game: Game) -> None:
    for number in range(1_200):
        game.manager.register_connection(f"S{number}", "n", game.signal().connect(nothing))
    services = game.manager.get_connection_stats().services
    assert len(services) == 1_000
    assert services["(other)"].live == 1_200 - 998


def test_types_without_end_do_not_grow_memory_without_bound(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connmon_agent.classes.MAX_CLASSES", 50)
    for number in range(300):
        game.manager.register_connection("S", f"n{number}", game.signal().connect(nothing), f"T{number}")
    types = game.manager.get_connection_stats().types
    assert len(types) <= 52
    assert sum(types.values()) == 301
    assert game.of("S").live == 300


def test_code_made_without_end_does_not_grow_memory_without_bound(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connmon_agent.classes.MAX_CODES", 20)
    source = "manager.register_connection('S', name, connection)"
    for number in range(100):
        scope = {"manager": game.manager, "name": f"n{number}", "connection": game.signal().connect(nothing)}
        exec(source, scope)
    assert len(game.manager.core.registry.classes.by_code) <= 21
    assert game.of("S").live == 100


def test_one_line_that_makes_two_types_keeps_them_apart(game: Game) -> None:
    for kind in ("Touch", "Tick") * 3:
        game.manager.register_connection("S", kind, game.signal().connect(nothing), kind, essential=kind == "Tick")
    assert game.manager.get_connection_stats().types == {"Players.PlayerRemoving": 1, "Touch": 1, "Tick": 1}
    assert game.manager.emergency_cleanup(services=["S"]).by_service == {"S": 1}


def test_two_managers_do_not_know_of_each_other() -> None:
    one, other = Game(), Game()
    one.manager.register_connection("S", "n", one.signal().connect(nothing))
    assert (one.live(), other.live()) == (1, 0)
