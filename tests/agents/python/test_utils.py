"""ConnectionUtils: adoption with a few lines, and nothing of the caller's own code changed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from connmon_agent import RefusedCall, Signal
from tests.agents.python.game import Game, Named, Remote, RemoteFunction, named, nothing


class Combat:
    """A service as a game writes it."""

    def __init__(self) -> None:
        self.stopped = 0
        self.heard: list[object] = []

    def stop(self, reason: str = "") -> str:
        """Ends it."""
        self.stopped += 1
        return f"stopped {reason}".strip()

    def on_player_added(self, player: object) -> None:
        self.heard.append(player)

    def on_player_removing(self, player: object) -> None:
        self.heard.remove(player)


def test_connect_registers_under_its_owner_and_name(game: Game) -> None:
    signal = game.signal()
    calls: list[int] = []
    connection = game.utils.connect(signal, calls.append, "Door", "Touched", "BasePart.Touched")
    signal.fire(7)
    assert (calls, connection.connected, game.of("Door").live) == ([7], True, 1)
    assert game.manager.unregister_connection("Door", "Touched")


def test_a_stopped_service_is_cleaned_up_without_a_change_to_its_code(game: Game) -> None:
    combat = game.utils.wrap_service(Combat(), "CombatService")
    for owner, name in ((combat, "Tick"), ("CombatService", "Tock")):
        game.utils.connect(game.signal(), nothing, owner, name)
    assert combat.stop("end of round") == "stopped end of round"
    assert (combat.stopped, game.of("CombatService").live) == (1, 0)
    assert Combat().stop() == "stopped"


def test_a_stop_that_fails_cleans_up_all_the_same(game: Game) -> None:
    class Faulty:
        def stop(self) -> None:
            raise OSError("cannot stop")

    faulty = game.utils.wrap_service(Faulty(), "Faulty")
    game.utils.connect(game.signal(), nothing, faulty, "Tick")
    with pytest.raises(OSError, match="cannot stop"):
        faulty.stop()
    assert game.of("Faulty").live == 0


async def test_a_stop_that_is_a_coroutine_cleans_up_when_it_ends(game: Game) -> None:
    class Slow:
        async def stop(self) -> str:
            await asyncio.sleep(0)
            return "done"

    slow = game.utils.wrap_service(Slow(), "Slow")
    game.utils.connect(game.signal(), nothing, slow, "Tick")
    stopping = slow.stop()
    assert game.of("Slow").live == 1
    assert await stopping == "done"
    assert game.of("Slow").live == 0


def test_a_service_that_starts_again_is_managed_again(game: Game) -> None:
    combat = game.utils.wrap_service(Combat(), "CombatService")
    for _ in range(3):
        game.utils.connect(game.signal(), nothing, combat, "Tick")
        combat.stop()
    assert (game.of("CombatService").opened, game.of("CombatService").closed) == (3, 3)


def test_wrapping_twice_changes_nothing(game: Game) -> None:
    combat = Combat()
    assert game.utils.wrap_service(combat, "CombatService") is combat
    before = dict(vars(combat))
    assert game.utils.wrap_service(combat, "CombatService") is combat
    assert vars(combat) == before
    combat.stop()
    assert combat.stopped == 1


def test_a_wrapped_service_says_what_it_cleaned(game: Game) -> None:
    combat: Any = game.utils.wrap_service(Combat(), "CombatService")
    game.utils.connect(game.signal(), nothing, combat, "b", "Touch")
    game.utils.connect(game.signal(), nothing, combat, "a", "Touch")
    game.manager.connect_heartbeat(nothing, 1, combat)
    cleaned = combat.cleanup_connections()
    assert (cleaned.closed, cleaned.by_type) == (3, {"Touch": 2, "RunService.Heartbeat": 1})
    assert {"a", "b"} < set(cleaned.names)
    assert combat.cleanup_connections().closed == 0


def test_what_a_service_has_already_is_not_replaced(game: Game) -> None:
    class Own:
        def cleanup_connections(self) -> str:
            return "mine"

    own = game.utils.wrap_service(Own(), "Own")
    assert own.cleanup_connections() == "mine"
    assert game.logged("keeps its own cleanup_connections") == 1


def test_an_enhanced_controller_gains_add_connection_and_cleans_up_at_its_stop(game: Game) -> None:
    camera: Any = game.utils.enhance_controller(Combat(), "CameraController")
    connection = game.signal().connect(nothing)
    assert camera.add_connection("Moved", connection, "Custom") is connection
    camera.add_connection("Zoomed", game.signal().connect(nothing))
    assert game.of("CameraController").live == 2
    assert game.manager.unregister_connection("controller:CameraController", "Zoomed")
    assert camera.stop() == "stopped"
    assert (connection.connected, game.of("CameraController").live) == (False, 0)
    assert game.utils.enhance_controller(camera, "CameraController").stop is camera.stop


def test_a_dead_connection_is_refused_by_add_connection_too(game: Game) -> None:
    camera: Any = game.utils.enhance_controller(Named("x"), "CameraController")
    dead = game.signal().connect(nothing)
    dead.disconnect()
    with pytest.raises(RefusedCall, match=r"add_connection.*already disconnected.*test_utils"):
        camera.add_connection("Moved", dead)


def test_a_service_that_gets_another_name_leaves_nothing_under_the_old_one(game: Game) -> None:
    combat = game.utils.wrap_service(Combat(), "Combat")
    game.utils.connect(game.signal(), nothing, combat, "Tick")
    game.utils.wrap_service(combat, "Fight")
    game.utils.connect(game.signal(), nothing, combat, "Tick")
    assert (game.of("Combat").live, game.of("Fight").live) == (0, 1)
    combat.stop()
    assert (combat.stopped, game.of("Fight").live) == (1, 0)


@pytest.mark.parametrize("service", [None, 5, "Combat", [], object(), Signal()], ids=named)
def test_what_cannot_be_wrapped_is_refused(game: Game, service: object) -> None:
    for call in (game.utils.wrap_service, game.utils.enhance_controller):
        with pytest.raises(RefusedCall, match="takes an object"):
            call(service, "Combat")


@pytest.mark.parametrize("name", [None, 5, "", b"Combat"], ids=named)
def test_a_service_needs_a_name(game: Game, name: str) -> None:
    with pytest.raises(RefusedCall, match="takes the name"):
        game.utils.wrap_service(Combat(), name)


def test_player_management_hears_of_everybody_and_is_cleaned_up_with_its_service(game: Game) -> None:
    early = game.join(1)
    combat = game.utils.wrap_service(Combat(), "CombatService")
    made = game.utils.setup_player_management(combat, combat.on_player_added, combat.on_player_removing)
    late = game.join(2)
    game.players.leave(early)
    assert (set(made), combat.heard) == ({"PlayerAdded", "PlayerRemoving"}, [late])
    combat.stop()
    game.join(3)
    assert combat.heard == [late]


def test_player_management_set_up_twice_hears_once(game: Game) -> None:
    heard: list[object] = []
    for _ in range(2):
        game.utils.setup_player_management("Lobby", heard.append)
    game.join(1)
    assert len(heard) == 1


def test_a_callback_that_fails_for_one_player_is_called_for_the_next(game: Game) -> None:
    heard: list[object] = []

    def fail_first(player: object) -> None:
        heard.append(player)
        if len(heard) == 1:
            raise OSError("bad callback")

    game.join(1)
    game.join(2)
    game.utils.setup_player_management("Lobby", fail_first)
    assert (len(heard), game.logged("bad callback")) == (2, 1)


def test_character_management_ends_with_the_player(game: Game) -> None:
    player = game.join(1)
    player.character = "first"
    heard: list[object] = []
    game.utils.setup_character_management("Combat", player, heard.append, heard.remove)
    game.utils.setup_character_management("Pets", player, nothing)
    player.character_added.fire("second")
    player.character_removing.fire("first")
    assert (heard, game.of("Combat").live, game.of("Pets").live) == (["second"], 2, 1)
    game.players.leave(player)
    player.character_added.fire("third")
    assert (heard, game.live()) == (["second"], 0)


def test_character_management_needs_a_player(game: Game) -> None:
    with pytest.raises(RefusedCall, match="no event CharacterAdded"):
        game.utils.setup_character_management("Combat", Named("x"), nothing)
    assert game.live() == 0


def test_remote_events_are_connected_by_name(game: Game) -> None:
    attack, buy = Remote(), Remote()
    heard: list[tuple[object, ...]] = []
    game.utils.setup_remote_events(
        "Combat", {"Attack": (attack, lambda *args: heard.append(args)), "Buy": (buy, nothing)}
    )
    attack.on_server_event.fire("player", 7)
    assert (heard, game.manager.get_connection_stats().types["RemoteEvent.OnServerEvent"]) == ([("player", 7)], 2)
    assert game.manager.unregister_connection("Combat", "Attack")


def test_one_remote_function_among_the_events_and_nothing_is_connected(game: Game) -> None:
    good = Remote()
    with pytest.raises(RefusedCall, match="on_server_invoke is a callback: assign it instead of connecting"):
        game.utils.setup_remote_events("Combat", {"Attack": (good, nothing), "Ask": (RemoteFunction(), nothing)})
    assert (len(good.on_server_event), game.live()) == (0, 0)


def test_a_batch_of_definitions_may_mark_some_essential(game: Game) -> None:
    one, two = Remote(), Remote()
    made = game.utils.setup_remote_events_batch(
        "Shop",
        [{"event": one, "callback": nothing, "name": "Buy", "essential": True}, {"event": two, "callback": nothing}],
    )
    assert ("Buy" in made, len(made)) == (True, 2)
    assert game.manager.emergency_cleanup(services=["Shop"]).essential == 1
    assert (len(one.on_server_event), len(two.on_server_event)) == (1, 0)


@pytest.mark.parametrize(
    "definitions",
    [
        None,
        5,
        [None],
        [{}],
        [{"event": Remote()}],
        [{"event": None, "callback": nothing}],
        [{"event": Remote(), "callback": 5}],
    ],
    ids=named,
)
def test_definitions_of_no_use_are_refused(game: Game, definitions: Any) -> None:
    with pytest.raises(RefusedCall):
        game.utils.setup_remote_events_batch("Shop", definitions)
    assert game.live() == 0


@pytest.mark.parametrize(
    "events", [None, 5, [], {"Attack": Remote()}, {"Attack": (Remote(),)}, {"": (Remote(), nothing)}], ids=named
)
def test_remote_events_of_no_use_are_refused(game: Game, events: Any) -> None:
    with pytest.raises(RefusedCall):
        game.utils.setup_remote_events("Shop", events)
    assert game.live() == 0


def test_a_batch_is_connected_whole_or_not_at_all(game: Game) -> None:
    class Faulty:
        def connect(self, callback: Callable[..., object]) -> None:
            raise OSError("no such signal")

    good = game.signal()
    with pytest.raises(OSError, match="no such signal"):
        game.utils.connect_batch("Round", [(good, nothing), (Faulty(), nothing)])
    assert (len(good), game.live()) == (0, 0)
    made = game.utils.connect_batch("Round", [(good, nothing), (good, nothing, "Ended", "Round.Ended")])
    assert ("Ended" in made, len(good), game.of("Round").live) == (True, 2, 2)


@pytest.mark.parametrize(
    "pairs",
    [
        None,
        5,
        [None],
        [(Signal(),)],
        [(Signal(), None)],
        [(None, nothing)],
        [(Signal(), nothing, "")],
        [(Signal(), nothing, "n", 5)],
    ],
    ids=named,
)
def test_pairs_of_no_use_are_refused(game: Game, pairs: Any) -> None:
    with pytest.raises(RefusedCall):
        game.utils.connect_batch("Round", pairs)
    assert game.live() == 0


def test_the_same_name_twice_in_a_batch_is_refused(game: Game) -> None:
    with pytest.raises(RefusedCall, match="same name stands there twice"):
        game.utils.connect_batch("Round", [(Signal(), nothing, "n"), (Signal(), nothing, "n")])


@pytest.mark.parametrize("event", ["PlayerJoined", "", None, 5, ["x"]], ids=named)
def test_an_unknown_player_event_is_refused(game: Game, event: str) -> None:
    with pytest.raises(RefusedCall, match="the players have no event"):
        game.manager.connect_player_event(event, nothing, "Lobby")


@pytest.mark.parametrize("remote", [None, 5, "Attack", Named("x"), RemoteFunction()], ids=named)
def test_what_is_no_remote_event_is_refused(game: Game, remote: object) -> None:
    with pytest.raises(RefusedCall, match=r"connect_remote_event.*\(called at .*test_utils:\d+\)"):
        game.manager.connect_remote_event(remote, nothing, "Combat")


@pytest.mark.parametrize("callback", [None, 5, "print"], ids=named)
def test_a_callback_that_cannot_be_called_is_refused(game: Game, callback: Callable[..., object]) -> None:
    calls: list[Callable[[], object]] = [
        lambda: game.utils.connect(Signal(), callback, "S", "n"),
        lambda: game.utils.setup_player_management("S", callback),
        lambda: game.utils.setup_character_management("S", game.join(1), callback),
        lambda: game.utils.setup_heartbeat("S", callback, 1),
        lambda: game.utils.setup_heartbeat("S", callback, 1, 1),
        lambda: game.manager.connect_heartbeat(callback, 1, "S"),
        lambda: game.manager.connect_player_event("PlayerAdded", callback, "S"),
        lambda: game.manager.connect_remote_event(Remote(), callback, "S"),
    ]
    for call in calls:
        with pytest.raises(RefusedCall, match="takes a function"):
            call()
    assert game.live() == 0


@pytest.mark.parametrize("owner", [None, 5, "", []], ids=named)
def test_helpers_refuse_an_owner_of_no_use_and_connect_nothing(game: Game, owner: object) -> None:
    signal = game.signal()
    calls: list[Callable[[], object]] = [
        lambda: game.utils.connect(signal, nothing, owner, "n"),
        lambda: game.utils.setup_player_management(owner, nothing),
        lambda: game.utils.setup_character_management(owner, game.join(1), nothing),
        lambda: game.utils.setup_heartbeat(owner, nothing, 1),
        lambda: game.utils.connect_batch(owner, [(signal, nothing)]),
        lambda: game.utils.setup_remote_events(owner, {"Attack": (Remote(), nothing)}),
    ]
    for call in calls:
        with pytest.raises(RefusedCall, match="owner takes"):
            call()
    assert (len(signal), len(game.heartbeat), game.live()) == (0, 0, 0)


def test_a_helper_for_an_owner_that_left_counts_as_orphaned(game: Game) -> None:
    player = game.join(1)
    game.players.leave(player)
    game.utils.connect(game.signal(), nothing, player, "Late")
    game.pass_time(65, step=1)
    assert game.of("test_utils").orphaned == 1
