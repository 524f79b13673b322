"""The ready register of players, and the ready signal."""

from typing import Any

import pytest

from connmon_agent import Players, Signal
from connmon_agent.identity import WeakIdentityMap
from tests.agents.python.game import Game, Player, nothing


def test_a_player_is_here_from_join_to_leave() -> None:
    players, player = Players(), Player(261)
    players.join(player, 261)
    assert (players.find(261), players.is_present(player), len(players), list(players)) == (player, True, 1, [player])
    players.leave(player)
    assert (players.find(261), players.is_present(player), len(players)) == (None, False, 0)
    assert players.user_id_of(player) == 261


def test_a_player_who_leaves_is_still_here_while_that_is_told() -> None:
    players, player = Players(), Player(261)
    told: list[bool] = []
    players.player_removing.connect(lambda leaver: told.append(players.is_present(leaver)))
    players.player_removing.connect(players.leave)
    players.join(player, 261)
    players.leave(player)
    players.leave(player)
    assert told == [True]


def test_who_comes_again_under_the_same_id_leaves_again(game: Game) -> None:
    for _ in range(3):
        player = game.join(261)
        connection = game.signal().connect(nothing)
        game.manager.register_connection(player, "n", connection)
        game.players.leave(player)
        assert not connection.connected


def test_a_user_id_is_here_once() -> None:
    players = Players()
    players.join(Player(1), 1)
    with pytest.raises(ValueError, match="on the server already"):
        players.join(Player(1), 1)


@pytest.mark.parametrize("user_id", [None, "1", 1.5, True, -1])
def test_a_user_id_is_a_whole_number(user_id: Any) -> None:
    with pytest.raises(TypeError, match="user_id takes a whole number"):
        Players().join(Player(1), user_id)


def test_a_player_that_cannot_be_referenced_weakly_is_an_error_and_not_here() -> None:
    players = Players()
    with pytest.raises(TypeError):
        players.join("Ann", 1)
    assert len(players) == 0


def test_somebody_else_leaving_is_nothing() -> None:
    players = Players()
    told: list[object] = []
    players.player_removing.connect(told.append)
    players.leave(Player(1))
    players.leave(None)
    assert told == []


def test_a_map_by_identity_neither_compares_nor_keeps_its_keys() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

    known: WeakIdentityMap[int] = WeakIdentityMap()
    one, two = Unhashable(), Unhashable()
    known.set(one, 1)
    assert (known.get(one), known.get(two)) == (1, None)
    known.set(one, 2)
    known.discard(two)
    assert (known.get(one), len(known)) == (2, 1)
    del one
    assert len(known) == 0


def test_a_signal_calls_in_the_order_of_connecting_and_leaves_out_who_went_meanwhile() -> None:
    signal, calls = Signal(), []
    second: Any = None

    def first() -> None:
        calls.append("first")
        second.disconnect()
        signal.connect(lambda: calls.append("late"))

    signal.connect(first)
    second = signal.connect(lambda: calls.append("second"))
    signal.connect(lambda: calls.append("third"))
    signal.fire()
    assert calls == ["first", "third"]


def test_once_is_once_even_when_it_fires_again_from_inside() -> None:
    signal, calls = Signal(), []

    def callback() -> None:
        calls.append(1)
        signal.fire()

    connection = signal.once(callback)
    signal.fire()
    assert (calls, connection.connected, len(signal)) == ([1], False, 0)


def test_an_error_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OSError("bad callback")

    signal, calls = Signal(), []
    signal.connect(fail)
    signal.connect(lambda: calls.append(1))
    signal.fire()
    assert calls == [1]
    assert "bad callback" in caplog.text


@pytest.mark.parametrize("callback", [None, 5, "x"])
def test_a_signal_connects_only_what_can_be_called(callback: Any) -> None:
    with pytest.raises(TypeError, match="a signal connects a callable"):
        Signal().connect(callback)
