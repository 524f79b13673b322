"""Pools: one connection per signal, slots that are used again, and no way to reach somebody else's callback."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from connmon_agent import PooledConnection, PoolStats, RefusedCall, Signal
from tests.agents.python.game import Entity, Game, Remote, nothing

TYPE = "RunService.Heartbeat"


def pool(game: Game, kind: str = TYPE) -> PoolStats:
    """The counters of a pool."""
    return game.manager.get_connection_stats().pools[kind]


def test_callbacks_on_one_signal_share_one_connection_to_it(game: Game) -> None:
    signal = game.signal()
    calls: list[int] = []
    handles = [game.manager.get_pooled_connection(TYPE, signal, lambda n=n: calls.append(n)) for n in range(5)]
    signal.fire()
    assert (len(signal), calls) == (1, [0, 1, 2, 3, 4])
    assert all(handle.connected for handle in handles)


def test_the_shared_connection_ends_with_its_last_slot(game: Game) -> None:
    signal = game.signal()
    one, two = (game.manager.get_pooled_connection(TYPE, signal, nothing) for _ in range(2))
    one.disconnect()
    assert len(signal) == 1
    assert game.manager.return_connection_to_pool(TYPE, two)
    assert len(signal) == 0
    assert not two.connected


def test_a_slot_given_back_is_used_again_with_the_new_callback_only(game: Game) -> None:
    signal = game.signal()
    calls: list[str] = []
    game.manager.get_pooled_connection(TYPE, signal, lambda: calls.append("old")).disconnect()
    game.manager.get_pooled_connection(TYPE, signal, lambda: calls.append("new"))
    signal.fire()
    assert calls == ["new"]
    assert pool(game) == PoolStats(size=1, in_use=1, hits=1, misses=1)


def test_a_slot_works_on_another_signal(game: Game) -> None:
    calls: list[str] = []
    game.manager.get_pooled_connection(TYPE, game.signal(), lambda: calls.append("first")).disconnect()
    other = game.signal()
    handle = game.manager.get_pooled_connection(TYPE, other, lambda: calls.append("second"))
    other.fire()
    assert (calls, handle.connected, pool(game).hits) == (["second"], True, 1)


def test_an_old_handle_that_was_kept_cannot_end_a_later_callback(game: Game) -> None:
    signal = game.signal()
    calls: list[str] = []
    kept = game.manager.get_pooled_connection(TYPE, signal, nothing)
    kept.disconnect()
    later = game.manager.get_pooled_connection(TYPE, signal, lambda: calls.append("later"))
    kept.disconnect()
    assert not game.manager.return_connection_to_pool(TYPE, kept)
    signal.fire()
    assert (later is kept, later.connected, kept.connected, calls) == (False, True, False, ["later"])
    assert pool(game) == PoolStats(size=1, in_use=1, hits=0, misses=2)


def test_a_registered_slot_given_back_is_not_taken_from_its_next_user(game: Game) -> None:
    signal = game.signal()
    game.manager.register_connection("A", "tick", game.manager.get_pooled_connection(TYPE, signal, nothing), TYPE)
    registry = game.manager.core.registry
    handle = registry.connections[registry.by_name[game.manager.core.owners.index["A"]]["tick"]]
    assert handle is not None
    handle.disconnect()
    del handle
    calls: list[int] = []
    game.manager.get_pooled_connection(TYPE, signal, lambda: calls.append(1))
    game.manager.disconnect_all_for_owner("A")
    signal.fire()
    assert calls == [1]


def test_an_error_in_one_callback_stops_no_other(game: Game) -> None:
    signal = game.signal()
    calls: list[int] = []

    def fail() -> None:
        raise OSError("bad callback")

    for callback in (lambda: calls.append(1), fail, lambda: calls.append(2)):
        game.manager.get_pooled_connection(TYPE, signal, callback)
    signal.fire()
    assert (calls, game.logged("bad callback")) == ([1, 2], 1)


def test_a_callback_may_give_slots_back_and_take_new_ones(game: Game) -> None:
    signal = game.signal()
    calls: list[str] = []
    handles: dict[str, object] = {}

    def meddle() -> None:
        calls.append("meddle")
        for handle in (handles.pop("self", None), handles.pop("next", None)):
            if isinstance(handle, PooledConnection):
                handle.disconnect()
        handles["new"] = game.manager.get_pooled_connection(TYPE, signal, lambda: calls.append("new"))

    handles["self"] = game.manager.get_pooled_connection(TYPE, signal, meddle)
    handles["next"] = game.manager.get_pooled_connection(TYPE, signal, lambda: calls.append("next"))
    signal.fire()
    assert calls == ["meddle"]
    signal.fire()
    assert calls == ["meddle", "new"]
    assert game.log == []


def test_a_type_that_the_settings_do_not_name_has_no_pool(game: Game) -> None:
    game.manager.configuration.set("CONNECTION_POOLS", "POOL_TYPES", ["Touch"])
    assert not isinstance(game.manager.get_pooled_connection(TYPE, game.signal(), nothing), PooledConnection)
    assert isinstance(game.manager.get_pooled_connection("Touch", game.signal(), nothing), PooledConnection)


@pytest.mark.parametrize(
    ("first", "free_most", "most", "kept"), [(10, 25, 50, 20), (10, 15, 50, 15), (30, 25, 50, 20), (10, 0, 50, 0)]
)
def test_free_slots_kept_are_as_many_as_were_in_use_within_the_bounds(
    game: Game, first: int, free_most: int, most: int, kept: int
) -> None:
    game.manager.configuration.set("CONNECTION_POOLS", "DEFAULT_POOL_SIZE", first)
    game.manager.configuration.set("CONNECTION_MANAGEMENT", "MAX_POOL_SIZE_PER_TYPE", free_most)
    game.manager.configuration.set("CONNECTION_POOLS", "MAX_POOL_SIZE", most)
    for handle in [game.manager.get_pooled_connection(TYPE, game.signal(), nothing) for _ in range(20)]:
        handle.disconnect()
    assert pool(game).size == kept


def test_past_its_size_a_pool_still_connects_but_forgets_the_slots(game: Game) -> None:
    game.manager.configuration.set("CONNECTION_POOLS", "MAX_POOL_SIZE", 3)
    signal = game.signal()
    calls: list[int] = []
    handles = [game.manager.get_pooled_connection(TYPE, signal, lambda n=n: calls.append(n)) for n in range(5)]
    signal.fire()
    assert (calls, len(signal), pool(game)) == ([0, 1, 2, 3, 4], 1, PoolStats(size=3, in_use=3, hits=0, misses=5))
    for handle in handles:
        assert game.manager.return_connection_to_pool(TYPE, handle)
    assert (len(signal), pool(game)) == (0, PoolStats(size=3, in_use=0, hits=0, misses=5))


def test_with_pooling_off_connections_are_plain(game: Game) -> None:
    game.manager.configuration.set("CONNECTION_MANAGEMENT", "ENABLE_CONNECTION_POOLING", False)
    signal = game.signal()
    handles = [game.manager.get_pooled_connection(TYPE, signal, nothing) for _ in range(2)]
    assert len(signal) == 2
    assert game.manager.return_connection_to_pool(TYPE, handles[0])
    assert not game.manager.return_connection_to_pool(TYPE, handles[0])
    assert (len(signal), game.manager.get_connection_stats().pools) == (1, {})


def test_slots_handed_out_before_pooling_was_switched_off_still_work(game: Game) -> None:
    signal = game.signal()
    handle = game.manager.get_pooled_connection(TYPE, signal, nothing)
    game.manager.configuration.set("CONNECTION_MANAGEMENT", "ENABLE_CONNECTION_POOLING", False)
    assert game.manager.return_connection_to_pool(TYPE, handle)
    assert (len(signal), pool(game).in_use) == (0, 0)


def test_another_types_slot_is_not_taken_back(game: Game) -> None:
    handle = game.manager.get_pooled_connection(TYPE, game.signal(), nothing)
    assert not game.manager.return_connection_to_pool("Custom", handle)
    assert handle.connected


def test_a_signal_that_ends_all_its_connections_ends_the_slots_too(game: Game) -> None:
    class Ending(Signal):
        """A signal that can disconnect everybody."""

        __slots__ = ()

        def end(self) -> None:
            for connection in tuple(self._connections):
                connection.disconnect()

    signal = Ending()
    handle = game.manager.get_pooled_connection(TYPE, signal, nothing)
    signal.end()
    assert not handle.connected
    again = game.manager.get_pooled_connection(TYPE, signal, nothing)
    assert again.connected
    handle.disconnect()
    assert (again.connected, len(signal)) == (True, 1)


def test_a_signal_that_fails_at_connecting_changes_nothing(game: Game) -> None:
    class Faulty:
        def connect(self, callback: Callable[..., object]) -> PooledConnection:
            raise OSError("no such signal")

    with pytest.raises(OSError, match="no such signal"):
        game.manager.get_pooled_connection(TYPE, Faulty(), nothing)
    assert pool(game) == PoolStats(0, 0, 0, 0)


def test_a_disconnect_that_fails_gives_the_slot_back_all_the_same(game: Game) -> None:
    class Faulty:
        connected = True

        def connect(self, callback: Callable[..., object]) -> "Faulty":
            return self

        def disconnect(self) -> None:
            raise OSError("library fault")

    game.manager.get_pooled_connection(TYPE, Faulty(), nothing).disconnect()
    assert (pool(game).in_use, game.logged("library fault")) == (0, 1)


@pytest.mark.parametrize(
    ("kind", "signal", "callback", "complaint"),
    [
        ("", Signal(), nothing, "connection_type takes"),
        (None, Signal(), nothing, "connection_type takes"),
        (TYPE, None, nothing, "signal takes"),
        (TYPE, Remote(), nothing, "signal takes"),
        (TYPE, Signal(), None, "callback takes"),
    ],
)
def test_arguments_of_no_use_are_refused(
    game: Game, kind: str, signal: Signal, callback: Callable[..., object], complaint: str
) -> None:
    with pytest.raises(RefusedCall, match=complaint):
        game.manager.get_pooled_connection(kind, signal, callback)


@pytest.mark.parametrize("connection", [None, 5, "x"])
def test_what_is_no_connection_is_not_taken_back(game: Game, connection: PooledConnection) -> None:
    with pytest.raises(RefusedCall, match="takes what get_pooled_connection returned"):
        game.manager.return_connection_to_pool(TYPE, connection)


def test_heartbeats_of_many_services_share_one_connection(game: Game) -> None:
    calls: list[float] = []
    for number in range(50):
        game.manager.connect_heartbeat(calls.append, 0, f"S{number}")
    game.tick(0.1)
    assert (len(game.heartbeat), len(calls), game.of("S7").live) == (1, 50, 1)
    for number in range(50):
        game.manager.disconnect_all_for_owner(f"S{number}")
    assert len(game.heartbeat) == 0


class Mortal(Signal):
    """A signal that can end: everybody is disconnected, as when an instance is destroyed."""

    __slots__ = ()

    def end(self) -> None:
        """Disconnects everybody."""
        for connection in tuple(self._connections):
            connection.disconnect()


def test_slots_on_signals_that_ended_are_not_in_use_for_good(game: Game) -> None:
    for _ in range(60):
        signal = Mortal()
        game.manager.get_pooled_connection(TYPE, signal, nothing)
        signal.end()
    game.manager.cleanup_stale_connections()
    assert pool(game).in_use == 0


def test_a_signal_that_ended_and_lives_again_keeps_no_slot_of_before(game: Game) -> None:
    signal = Mortal()
    game.manager.get_pooled_connection(TYPE, signal, nothing)
    signal.end()
    handle = game.manager.get_pooled_connection(TYPE, signal, nothing)
    assert (pool(game).in_use, handle.connected) == (1, True)


def test_what_a_replaced_connection_cleans_up_leaves_nothing_behind(game: Game) -> None:
    class Odd:
        connected = True

        def disconnect(self) -> None:
            game.manager.disconnect_all_for_owner("Odd")

    game.manager.register_connection("Odd", "a", Odd())
    game.utils.connect(game.signal(), nothing, "Odd", "a", "Custom")
    registry = game.manager.core.registry
    assert [slot for slot in registry.activities if registry.connections[slot] is None] == []


def test_a_service_that_is_renamed_counts_under_its_new_name(game: Game) -> None:
    class Thing:
        pass

    thing = game.utils.wrap_service(Thing(), "Old")
    game.manager.register_connection(thing, "a", game.signal().connect(nothing))
    game.utils.wrap_service(thing, "New")
    game.manager.register_connection(thing, "b", game.signal().connect(nothing))
    services = game.manager.get_connection_stats().services
    assert (services["Old"].live, services["New"].live) == (0, 1)


def test_an_owner_whose_signal_refused_is_not_kept(game: Game) -> None:
    class Closed:
        def connect(self, callback: Callable[..., object], /) -> NoReturn:
            raise RuntimeError("this signal is closed")

    entity = Entity("Door")
    with pytest.raises(RuntimeError):
        game.utils.connect(Closed(), nothing, entity, "a", "Custom")
    assert len(entity.destroying) == 0
