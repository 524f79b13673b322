"""One process's desk, with sockets that hang, break and come back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from django.utils import timezone
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from connmon.accounts.models import Game
from connmon.cleanup.desk import AT_ONCE, Desk
from connmon.core.database import conninfo
from connmon.wire.v1 import Order
from tests.cleanup.steering import MakeServer, connections, run
from tests.machine import PATIENCE, Machine

Scene = Callable[[Desk, AsyncConnection], Awaitable[None]]


class Socket:
    """One end of a socket: keeps what it was sent."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.messages = 0

    async def push(self, orders: list[Order]) -> None:
        self.messages += 1
        self.orders += orders


class Deaf(Socket):
    """Its agent does not read."""

    async def push(self, orders: list[Order]) -> None:
        await super().push(orders)
        await asyncio.Event().wait()


class Broken(Socket):
    """It is gone."""

    async def push(self, orders: list[Order]) -> None:
        await super().push(orders)
        raise RuntimeError("gone")


@asynccontextmanager
async def desk() -> AsyncIterator[tuple[Desk, AsyncConnection]]:
    """A desk whose steps the test takes."""
    async with (
        AsyncConnectionPool(conninfo(), min_size=1, open=False, kwargs={"autocommit": True}) as pool,
        await AsyncConnection.connect(conninfo(), autocommit=True) as connection,
    ):
        made = Desk(conninfo(), pool, clock=timezone.now)
        try:
            yield made, connection
        finally:
            await made.stop()


def play(scene: Scene) -> None:
    async def all_of_it() -> None:
        async with asyncio.timeout(PATIENCE), desk() as (made, connection):
            await scene(made, connection)

    asyncio.run(all_of_it())


@pytest.fixture
def two(busy: Machine, make_server: MakeServer) -> list[int]:
    """Two servers with ten connections each."""
    other = make_server("server-2")
    other.send_first(opened=connections(10))
    return [busy.id, other.id]


@pytest.fixture
def many_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of each server."""
    monkeypatch.setattr("connmon.cleanup.steps.CHUNK", 1)


@pytest.mark.usefixtures("many_orders")
def test_a_socket_that_does_not_read_holds_up_no_other(two: list[int], game: Game) -> None:
    run(game)
    deaf, well = Deaf(), Socket()

    async def scene(made: Desk, connection: AsyncConnection) -> None:
        made.attach(two[0], deaf.push)
        made.attach(two[1], well.push)
        while await made.step(connection):
            pass

    play(scene)
    assert len({order.id for order in well.orders}) == len(well.orders) == 10
    assert (deaf.messages, len(deaf.orders)) == (1, AT_ONCE)


@pytest.mark.usefixtures("many_orders")
def test_orders_for_a_socket_that_broke_go_over_the_next_one_all_of_them(two: list[int], game: Game) -> None:
    run(game)
    broken, well = Broken(), Socket()

    async def scene(made: Desk, connection: AsyncConnection) -> None:
        made.attach(two[0], broken.push)
        while await made.step(connection):
            pass
        made.attach(two[0], well.push)
        while await made.step(connection):
            pass

    play(scene)
    assert broken.messages == 1
    assert len({order.id for order in well.orders}) == 10


def test_a_new_socket_is_served_while_the_old_one_still_hangs(two: list[int], game: Game) -> None:
    run(game)
    deaf, well = Deaf(), Socket()

    async def scene(made: Desk, connection: AsyncConnection) -> None:
        made.attach(two[0], deaf.push)
        await made.step(connection)
        made.attach(two[0], well.push)
        made.detach(two[0], deaf.push)
        await made.step(connection)

    play(scene)
    assert [order.id for order in well.orders] == [order.id for order in deaf.orders]


def test_what_cannot_be_recalled_now_is_recalled_when_the_database_is_back(two: list[int], game: Game) -> None:
    run(game)
    well = Socket()

    async def scene(made: Desk, connection: AsyncConnection) -> None:
        first = Socket()
        made.attach(two[0], first.push)
        await made.step(connection)
        assert first.orders
        made.attach(two[0], well.push)
        gone = await AsyncConnection.connect(conninfo(), autocommit=True)
        await gone.close()
        with pytest.raises(Exception, match="closed"):
            await made.step(gone)
        await made.step(connection)

    play(scene)
    assert well.orders


@pytest.mark.usefixtures("many_orders")
def test_a_server_whose_answer_was_lost_is_handed_everything_again_answer_by_answer(two: list[int], game: Game) -> None:
    run(game)
    handed: list[list[Order]] = []

    async def scene(made: Desk, connection: AsyncConnection) -> None:
        await made.step(connection)
        for again in (False, False, False, True, False, False, False):
            handed.append(await made.fetch(two[0], again=again))

    play(scene)
    assert [len(orders) for orders in handed] == [4, 4, 2, 4, 4, 2, 0]
