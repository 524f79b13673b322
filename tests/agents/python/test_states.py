"""Stale, idle and orphaned, and the watch that only looks on."""

import gc
import weakref

from tests.agents.python.game import Game, Player, Remote, nothing


def watch(game: Game, player: Player) -> None:
    """A connection that is only watched."""
    game.manager.register_connection(player, "Combo", game.signal().connect(nothing), service="Combat", watch=True)


def test_a_watched_connection_outlives_its_player_and_is_orphaned_after_a_minute(game: Game) -> None:
    player = game.join(1)
    watch(game, player)
    game.players.leave(player)
    game.pass_time(58, step=1)
    assert game.of("Combat").orphaned == 0
    game.pass_time(4, step=1)
    assert (game.of("Combat").orphaned, game.of("Combat").live) == (1, 1)


def test_a_watched_orphan_is_never_cleaned_by_itself(game: Game) -> None:
    player = game.join(1)
    watch(game, player)
    game.players.leave(player)
    game.pass_time(1_000, step=1)
    assert (game.of("Combat").orphaned, game.of("Combat").stale, game.of("Combat").live) == (1, 0, 1)


def test_a_watched_orphan_can_be_named_by_its_old_owner(game: Game) -> None:
    player = game.join(1)
    watch(game, player)
    game.players.leave(player)
    game.pass_time(70, step=1)
    assert game.manager.unregister_connection(player, "Combo")
    assert game.of("Combat").orphaned == 0


def test_who_comes_again_does_not_inherit_the_orphans(game: Game) -> None:
    first = game.join(1)
    watch(game, first)
    game.players.leave(first)
    game.pass_time(70, step=1)
    second = game.join(1)
    watch(game, second)
    game.pass_time(70, step=1)
    assert (game.of("Combat").orphaned, game.of("Combat").live) == (1, 2)
    assert game.manager.disconnect_all_for_owner("player:1") == 1
    assert game.of("Combat").orphaned == 1
    assert game.manager.disconnect_all_for_owner(first) == 1


def test_what_is_registered_for_a_player_already_gone_is_orphaned_then_cleaned(game: Game) -> None:
    player = game.join(1)
    game.players.leave(player)
    connection, _ = game.manager.connect_heartbeat(nothing, 1, player, service="Combat")
    game.pass_time(65, step=1)
    assert game.of("Combat").orphaned == 1
    game.pass_time(640, step=1)
    assert (game.of("Combat").orphaned, game.of("Combat").live, connection.connected) == (0, 0, False)


def test_the_threshold_of_a_service_decides_when_its_connections_are_stale(game: Game) -> None:
    game.manager.configuration.set("CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", 120, service="Combat")
    for service in ("Combat", "Lobby"):
        game.manager.register_connection("player:9", service, game.signal().connect(nothing), service=service)
    game.pass_time(125, step=1)
    assert (game.of("Combat").stale, game.of("Lobby").orphaned) == (1, 1)


def test_registering_while_the_player_is_leaving_counts_as_gone(game: Game) -> None:
    player = game.join(1)
    game.players.player_removing.connect(lambda leaver: game.manager.connect_heartbeat(nothing, 1, leaver, service="C"))
    game.players.leave(player)
    game.pass_time(62, step=1)
    assert game.of("C").orphaned == 1
    game.pass_time(640, step=1)
    assert game.of("C").live == 0


def test_a_silent_connection_is_idle_against_its_own_habit(game: Game) -> None:
    remote = Remote()
    game.manager.connect_remote_event(remote, nothing, "Combat")
    for _ in range(60):
        remote.on_server_event.fire()
        game.pass_time(1, step=1)
    game.pass_time(100, step=1)
    assert game.of("Combat").idle == 0
    game.pass_time(100, step=1)
    assert game.of("Combat").idle == 1
    remote.on_server_event.fire()
    game.pass_time(5, step=1)
    assert game.of("Combat").idle == 0


def test_a_slow_habit_is_given_three_times_as_long(game: Game) -> None:
    remote = Remote()
    game.manager.connect_remote_event(remote, nothing, "Round")
    for _ in range(30):
        remote.on_server_event.fire()
        game.pass_time(128, step=2)
    game.pass_time(3 * 128 - 140, step=2)
    assert game.of("Round").idle == 0
    game.pass_time(40, step=2)
    assert game.of("Round").idle == 1


def test_a_connection_without_a_habit_is_never_idle(game: Game) -> None:
    remote = Remote()
    game.manager.connect_remote_event(remote, nothing, "Shop")
    remote.on_server_event.fire()
    game.pass_time(2_000, step=2)
    assert game.of("Shop").idle == 0


def test_a_changed_habit_shows(game: Game) -> None:
    remote = Remote()
    game.manager.connect_remote_event(remote, nothing, "Combat")
    for gap, times in ((500.0, 200), (1.0, 30_000)):
        for _ in range(times):
            game.clock.time += gap
            remote.on_server_event.fire()
    game.pass_time(200, step=1)
    assert game.of("Combat").idle == 1


def test_an_orphan_that_goes_is_counted_off(game: Game) -> None:
    player = game.join(1)
    watch(game, player)
    game.players.leave(player)
    game.pass_time(70, step=1)
    assert game.manager.emergency_cleanup(states=["orphaned"]).closed == 1
    assert (game.of("Combat").orphaned, game.of("Combat").live) == (0, 0)


def test_nothing_keeps_a_player_that_left(game: Game) -> None:
    players = [game.join(number) for number in range(20)]
    for player in players:
        game.manager.register_connection(player, "Chat", game.signal().connect(player.greet))
        game.manager.connect_heartbeat(player.greet, 1, player)
        game.utils.setup_character_management("Combat", player, nothing)
    watch(game, players[0])
    references = [weakref.ref(player) for player in players]
    while players:
        game.players.leave(players.pop())
    del player
    gc.collect()
    assert [reference() for reference in references] == [None] * 20


def test_owners_that_came_and_went_leave_no_room_behind(game: Game) -> None:
    for number in range(300):
        player = game.join(number)
        watch(game, player)
        game.manager.connect_heartbeat(nothing, 1, f"S{number % 7}")
        game.players.leave(player)
        game.manager.disconnect_all_for_owner(player)
        game.manager.disconnect_all_for_owner(f"S{number % 7}")
    owners = game.manager.core.owners
    assert (len(owners.table), len(owners.gone), len(owners.index)) == (3, 0, 1)


def test_an_owner_that_takes_a_gone_ones_place_has_not_gone(game: Game) -> None:
    first = game.join(1)
    watch(game, first)
    game.players.leave(first)
    game.pass_time(70, step=1)
    game.manager.unregister_connection(first, "Combo")
    watch(game, game.join(2))
    game.pass_time(70, step=1)
    assert (game.of("Combat").live, game.of("Combat").orphaned) == (1, 0)


def test_nothing_keeps_an_owner_without_connections(game: Game) -> None:
    class Door:
        """An object that nobody wrapped."""

    references = []
    for _ in range(50):
        door = Door()
        references.append(weakref.ref(door))
        game.manager.register_connection(door, "Touch", game.signal().connect(nothing))
        game.manager.disconnect_all_for_owner(door)
    del door
    gc.collect()
    assert [reference() for reference in references] == [None] * 50


def test_an_orphan_of_a_player_that_is_gone_for_good_is_not_found_by_an_object_at_its_address(game: Game) -> None:
    for number in range(200):
        player = game.join(number)
        watch(game, player)
        game.players.leave(player)
        del player
        assert game.manager.disconnect_all_for_owner(Player(number)) == 0
    assert game.of("Combat").live == 200
