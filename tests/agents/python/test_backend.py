"""The agent against the real site: report, registry, resync, refusal, over every transport."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from channels.db import database_sync_to_async

from tests.agents.python.client import HTTP, SOCKETS, Client, Make

if TYPE_CHECKING:
    from connmon.accounts.models import Game, User
    from connmon.core.ids import NewKey
    from tests.machine import Site


# In a thread that gives its connection to the database back.
in_thread = partial(database_sync_to_async, thread_sensitive=False)


@pytest.fixture
def game(owner: "User") -> "Game":
    """A game of the site, and not one of this folder's servers."""
    from connmon.accounts.actions import create_game

    return create_game(name="Dungeon", owner=owner, now=datetime(2026, 11, 23, tzinfo=UTC))


@pytest.fixture(params=[*HTTP.values(), *SOCKETS.values()], ids=[*HTTP, *SOCKETS])
def make(request: pytest.FixtureRequest) -> Make:
    """Each transport in turn."""
    made: Make = request.param
    return made


Names = Callable[[], set[str]]


@pytest.fixture
def registered(transactional_db: None) -> Names:
    """Names of the connections of Combat that stand in the site's database."""
    from django.db import connection

    from connmon.registry.models import Connection

    def read() -> set[str]:
        try:
            return set(Connection.objects.filter(owner="service:Combat").values_list("name", flat=True))
        finally:
            connection.close()  # of the thread that asked

    return read


async def known(client: Client, registered: Names, wanted: set[str]) -> None:
    """Waits until the site's registry is as wanted."""
    for _ in range(500):
        client.agent.step()
        if await in_thread(registered)() == wanted:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"the registry did not become {sorted(wanted)}; log: {client.log}")


def test_the_sites_registry_follows_the_servers(site: "Site", key: "NewKey", make: Make, registered: Names) -> None:
    async def work() -> None:
        client = Client(make(f"http://127.0.0.1:{site.port}", key.plaintext))
        client.connect(3)
        await known(client, registered, {"n0", "n1", "n2"})
        client.manager.unregister_connection("Combat", "n1")
        client.agent.report_now()
        await known(client, registered, {"n0", "n2"})
        client.connect(100)
        client.agent.report_now()
        await known(client, registered, {f"n{number}" for number in range(100)})
        assert await client.agent.aclose()
        assert client.agent.status().refused == 0

    asyncio.run(work())


def test_an_order_of_the_site_is_carried_out_and_answered_for(
    site: "Site", key: "NewKey", game: "Game", make: Make, registered: Names
) -> None:
    from connmon.cleanup.queries import plan_progress
    from tests.cleanup import steering

    async def work() -> int:
        client = Client(make(f"http://127.0.0.1:{site.port}", key.plaintext))
        client.connect(3)
        await known(client, registered, {"n0", "n1", "n2"})
        made = await in_thread(steering.run)(game)
        await known(client, registered, set())
        assert len(client.signal) == 0
        await in_thread(steering.advance)(2)
        assert await client.agent.aclose()
        return int((await in_thread(plan_progress)(made))["closed"])

    assert asyncio.run(work()) == 3


def test_a_wrong_key_is_told_in_the_sites_words(site: "Site", make: Make, registered: Names) -> None:
    async def work() -> None:
        client = Client(make(f"http://127.0.0.1:{site.port}", "cm_aaaaaaaaaaaa_" + "b" * 43))
        await client.until(lambda: client.log)
        await client.agent.aclose(timeout=0.1)
        assert "the backend refuses reports with 401: " in client.log[0]

    asyncio.run(work())
