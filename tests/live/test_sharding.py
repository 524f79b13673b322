"""Live updates of many games over two servers (CONNMON_CHANNEL_URLS)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from connmon.core.env import SettingError
from connmon.live.follow import follow
from connmon.live.publish import Publisher
from connmon.runtime import embedded, paths
from connmon.runtime.valkey import Valkey
from tests.machine import PATIENCE
from tests.runtime.conftest import new_folder

GAMES = range(1, 21)


class Shard:
    """One Valkey; a block may end it early."""

    def __init__(self, folder: Path) -> None:
        self.url = paths.embedded_redis_url(folder)
        self._stack = ExitStack()
        server = Valkey(folder, durable=False)
        process = embedded.start(server, folder, lambda line: None, self._stack)
        embedded.wait_for(server, process, folder, lambda line: None)

    def games(self) -> set[int]:
        """Whose groups somebody follows here."""
        with redis.Redis.from_url(self.url) as client:
            return {int(name.rpartition(b".")[2]) for name in client.pubsub_channels("connmon__group__game.*")}

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture
def shards() -> Iterator[list[Shard]]:
    with ExitStack() as last:
        found = []
        for _ in range(2):
            folder = last.enter_context(new_folder())
            paths.make_data_folder(folder)
            found.append(Shard(folder))
            last.callback(found[-1].stop)
        yield found


@pytest.fixture
async def layer(shards: list[Shard]) -> AsyncIterator[None]:
    """The site's channel layer, on both."""
    hosts = [{**settings.CHANNEL_HOSTS[0], "address": shard.url} for shard in shards]
    sharded = RedisPubSubChannelLayer(hosts=hosts, prefix="connmon")
    before = channel_layers.set("default", sharded)
    yield
    channel_layers.backends["default"] = before
    if before is None:
        del channel_layers.backends["default"]
    with suppress(redis.RedisError):
        await sharded.flush()


async def join(game: int) -> Any:
    """Follows a game, from now on. Tried again: which server keeps the listener's own channel is chance."""
    for _ in range(100):
        followed = follow(game)
        try:
            assert await anext(followed) is None
        except redis.RedisError:
            continue
        return followed
    raise AssertionError("no channel")


async def hear(followed: Any) -> list[int]:
    async with asyncio.timeout(PATIENCE):
        servers: list[int] = await anext(followed)
    return servers


@pytest.mark.usefixtures("layer")
async def test_games_are_spread_over_both_and_each_is_heard(shards: list[Shard]) -> None:
    followed = {game: await join(game) for game in GAMES}
    first, second = (shard.games() for shard in shards)
    assert first
    assert second
    assert first | second == set(GAMES)
    assert not first & second
    publisher = Publisher()
    publisher.publish({game: [100 + game] for game in GAMES})
    await publisher.step()
    assert [await hear(followed[game]) for game in GAMES] == [[100 + game] for game in GAMES]
    for one in followed.values():
        await one.aclose()


@pytest.mark.usefixtures("layer")
async def test_without_one_of_them_the_games_of_the_other_go_on_and_the_fault_is_told_once(
    shards: list[Shard], caplog: pytest.LogCaptureFixture
) -> None:
    followed = {game: await join(game) for game in GAMES}
    kept, lost = (shard.games() for shard in shards)
    for one in followed.values():
        with suppress(redis.RedisError):
            await one.aclose()
    shards[1].stop()
    game = min(kept)
    ear = await join(game)
    publisher = Publisher()
    with caplog.at_level(logging.WARNING, "connmon.live"):
        for number in range(3):
            publisher.publish({min(lost): [1], game: [number]})
            await publisher.step()
    assert [await hear(ear) for _ in range(3)] == [[0], [1], [2]]
    told = [record for record in caplog.records if record.name == "connmon.live"]
    assert [record.__dict__["game"] for record in told] == [min(lost)]
    await ear.aclose()


def test_without_the_setting_the_one_server_carries_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://one/0")
    assert paths.channel_urls() == ["redis://one/0"]
    monkeypatch.setenv("CONNMON_CHANNEL_URLS", "redis://two/0, rediss://three/0")
    assert paths.channel_urls() == ["redis://two/0", "rediss://three/0"]


def test_what_is_no_address_ends_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNMON_CHANNEL_URLS", "redis://two/0,three:6379")
    with pytest.raises(SettingError, match="CONNMON_CHANNEL_URLS takes addresses"):
        paths.channel_urls()
