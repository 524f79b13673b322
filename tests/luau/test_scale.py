"""A hundred thousand connections."""

import time

import pytest

from luauvm import VMOptions
from tests.luau.conftest import Server

MANY = 100_000


@pytest.fixture(scope="module")
def crowded() -> Server:
    """A server with 100,000 connections, ten to an owner, reporting."""
    server = Server(VMOptions(mask_types=False))
    server.lua(
        """
        local names = {}
        for i = 1, 10 do names[i] = 'Handler' .. i end
        shared.owners = {}
        for o = 1, ... // 10 do
            local owner = { Name = 'Combat' }
            shared.owners[o] = owner
            for i = 1, 10 do
                CM:RegisterConnection(owner, names[i], { Connected = true, Disconnect = print }, 'Signal')
            end
        end
        """,
        MANY,
    )
    server.start()
    return server


def test_all_are_registered_and_counted(crowded: Server) -> None:
    assert crowded.stats()["Services"]["Combat"]["Live"] == MANY


def test_statistics_do_not_depend_on_the_number_of_connections(crowded: Server) -> None:
    started = time.thread_time()
    crowded.lua("for _ = 1, 1000 do CM:GetConnectionStats() end")
    assert time.thread_time() - started < 1


def test_a_sweep_step_looks_at_a_share(crowded: Server) -> None:
    share = crowded.lua("""
        local sweeper = CM.sweeper
        sweeper.due, sweeper.cursor = 0, 0
        sweeper:step(CM.core.host.now())
        return sweeper.cursor
    """)
    assert share == pytest.approx(MANY / 60, rel=0.01)


def test_the_snapshot_arrives_whole(crowded: Server) -> None:
    crowded.backend.interval = 1
    crowded.wait_for(lambda: bool(crowded.backend.servers) and crowded.backend.only().complete, seconds=400)
    assert len(crowded.backend.only().registry) == crowded.stats()["Live"]


def test_slots_are_used_again(crowded: Server) -> None:
    top = crowded.lua("""
        local before = CM.core.registry.top()
        for _, owner in shared.owners do CM:DisconnectAllForOwner(owner) end
        for i = 1, 50000 do
            CM:RegisterConnection('Again', 'n' .. i, { Connected = true, Disconnect = print }, 'Signal')
        end
        return CM.core.registry.top() - before
    """)
    assert top == 0
    assert crowded.stats()["Services"]["Combat"]["Live"] == 0
