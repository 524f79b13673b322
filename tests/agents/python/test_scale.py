"""A hundred thousand connections."""

import time
from collections.abc import Callable

import pytest

from connmon_agent.sweeper import PASS_STEPS
from tests.agents.python.game import Game, Named

MANY = 100_000


class Connection:
    """The smallest of connections."""

    __slots__ = ("connected",)

    def __init__(self) -> None:
        self.connected = True

    def disconnect(self) -> None:
        self.connected = False


def fill(game: Game) -> list[Named]:
    """Registers the connections, ten to an owner."""
    owners = [Named("Combat") for _ in range(MANY // 10)]
    names = [f"n{number}" for number in range(10)]
    for owner in owners:
        for name in names:
            game.manager.register_connection(owner, name, Connection(), "Signal")
    return owners


@pytest.fixture(scope="module")
def crowded() -> Game:
    """A server with 100,000 connections, reporting."""
    game = Game(interval=1)
    fill(game)
    return game.start()


def best_of(work: Callable[[], object]) -> float:
    """Seconds of CPU that `work` takes when nobody disturbs."""
    times = []
    for _ in range(5):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return min(times)


def test_all_are_registered_and_counted(crowded: Game) -> None:
    assert crowded.of("Combat").live == MANY


def test_statistics_do_not_depend_on_the_number_of_connections(crowded: Game, game: Game) -> None:
    game.manager.register_connection("Combat", "n", Connection())
    few, many = (best_of(one.manager.get_connection_stats) for one in (game, crowded))
    assert many < 20 * few + 0.001


def test_removing_one_does_not_depend_on_how_many_its_owner_has(game: Game) -> None:
    def remove_hundred(owner: str) -> float:
        started = time.thread_time()
        for number in range(100):
            game.manager.unregister_connection(owner, f"n{number}")
        return time.thread_time() - started

    seconds = {}
    for count in (100, 20_000):
        for number in range(count):
            game.manager.register_connection(f"S{count}", f"n{number}", Connection())
        seconds[count] = remove_hundred(f"S{count}")
    assert seconds[20_000] < 10 * seconds[100] + 0.001


def test_a_sweep_step_looks_at_a_share(crowded: Game) -> None:
    looked_at = 0

    class Counting(Connection):
        __slots__ = ()

        @property
        def connected(self) -> bool:
            nonlocal looked_at
            looked_at += 1
            return True

        @connected.setter
        def connected(self, value: bool) -> None:
            """Nobody disconnects it here."""

    game = Game()
    for number in range(60_000):
        game.manager.register_connection("S", f"n{number}", Counting())
    looked_at = 0
    game.pass_time(1, step=1)
    assert looked_at == pytest.approx(60_000 / PASS_STEPS, rel=0.05)


def test_the_snapshot_arrives_whole(crowded: Game) -> None:
    crowded.wait_for(lambda: crowded.backend.complete, seconds=400, step=1)
    assert len(crowded.backend.known.registry) == crowded.manager.get_connection_stats().live


def test_slots_are_used_again(crowded: Game) -> None:
    top = crowded.manager.core.registry.top
    crowded.manager.emergency_cleanup()
    fill(crowded)
    assert crowded.manager.core.registry.top == top
    assert crowded.of("Combat").live == MANY


def test_all_go_and_the_backend_hears_of_it(crowded: Game) -> None:
    crowded.manager.emergency_cleanup()
    crowded.wait_for(lambda: len(crowded.backend.known.registry) == 1, seconds=400, step=1)
    assert crowded.live() == 0
