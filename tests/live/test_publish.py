"""After a commit browsers are told which servers changed: gathered, without data, and never in the way of ingest."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer

from connmon.live import publish
from connmon.live.publish import MOST_SERVERS, Publisher, group_of
from tests.machine import PATIENCE, Machine, opened

Message = dict[str, Any]


class Listener:
    """One page's ear in the group of a game."""

    def __init__(self, layer: Any, channel: str) -> None:
        self._layer = layer
        self._channel = channel

    async def hear(self) -> Message:
        """The next message."""
        async with asyncio.timeout(PATIENCE):
            message: Message = await self._layer.receive(self._channel)
        return message

    async def hears_nothing_more(self) -> bool:
        """Whether a message of our own, sent last, is the next that comes."""
        await self._layer.send(self._channel, {"type": "end"})
        return await self.hear() == {"type": "end"}


@asynccontextmanager
async def listening(game_id: int) -> AsyncIterator[Listener]:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(group_of(game_id), channel)
    try:
        yield Listener(layer, channel)
    finally:
        await layer.group_discard(group_of(game_id), channel)
        await layer.flush()


async def test_what_changed_is_sent_as_one_message_that_names_each_server_once() -> None:
    async with listening(1) as listener:
        publisher = Publisher()
        for servers in ([3, 1], [1], [2, 3]):
            publisher.publish({1: servers})
        assert await publisher.step()
        assert await listener.hear() == {"type": "game.changed", "servers": [1, 2, 3]}
        assert await listener.hears_nothing_more()


async def test_each_game_is_told_of_its_own_servers() -> None:
    async with listening(1) as one, listening(2) as two:
        publisher = Publisher()
        publisher.publish({1: [10], 2: [20]})
        await publisher.step()
        assert (await one.hear())["servers"] == [10]
        assert (await two.hear())["servers"] == [20]
        assert await one.hears_nothing_more()


async def test_what_was_sent_is_not_sent_again() -> None:
    async with listening(1) as listener:
        publisher = Publisher()
        publisher.publish({1: [1]})
        assert await publisher.step()
        assert not await publisher.step()
        await listener.hear()
        assert await listener.hears_nothing_more()


@pytest.mark.parametrize(("count", "named"), [(MOST_SERVERS, True), (MOST_SERVERS + 1, False)])
async def test_beyond_a_bound_everything_counts_as_changed(count: int, named: bool) -> None:
    async with listening(1) as listener:
        publisher = Publisher()
        publisher.publish({1: list(range(count))})
        await publisher.step()
        assert (await listener.hear())["servers"] == (list(range(count)) if named else None)


async def test_it_sends_in_the_background_no_oftener_than_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "INTERVAL", 0.2)
    sent_at: list[float] = []
    publisher = Publisher()
    real_step = publisher.step

    async def step() -> bool:
        sent_at.append(asyncio.get_running_loop().time())
        return await real_step()

    monkeypatch.setattr(publisher, "step", step)
    async with listening(1) as listener:
        publisher.start()
        publisher.publish({1: [1]})
        assert (await listener.hear())["servers"] == [1]
        for number in (2, 3, 4):
            publisher.publish({1: [number]})
        assert (await listener.hear())["servers"] == [2, 3, 4]
        await publisher.stop()
    first, second = sent_at
    assert second - first >= 0.2


async def test_a_broken_layer_costs_a_line_in_the_log_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = RedisPubSubChannelLayer(hosts=["unix:///nowhere/valkey.sock"])
    publisher = Publisher()
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "connmon.live"):
        patch.setattr(publish, "get_channel_layer", lambda: broken)
        for _ in range(3):
            publisher.publish({1: [1]})
            assert await publisher.step()
    assert [record.name for record in caplog.records if record.name == "connmon.live"] == ["connmon.live"]
    async with listening(1) as listener:
        publisher.publish({1: [2]})
        await publisher.step()
        assert (await listener.hear())["servers"] == [2]


async def test_it_can_be_stopped_before_it_was_started() -> None:
    await Publisher().stop()


def test_a_committed_report_is_told_with_its_server(server: Machine) -> None:
    async def listen() -> Message:
        async with listening(server.game_id) as listener:
            report = server.report(snapshot={"part": 1, "of": 1}, opened=[opened(1)])
            answer = await asyncio.to_thread(server.site.post, report, key=server.key)
            assert answer.status == 200
            return await listener.hear()

    message = asyncio.run(listen())
    assert message == {"type": "game.changed", "servers": [server.id]}


def test_repeats_and_refused_reports_are_not_told(server: Machine) -> None:
    other = Machine(server.site, server.key, server.game_id, "server-2")
    report = server.report(snapshot={"part": 1, "of": 1})

    async def listen() -> list[Message]:
        async with listening(server.game_id) as listener:
            await asyncio.to_thread(server.site.post, report, key=server.key)
            first = await listener.hear()
            for body in (report, report | {"players": 9}, report | {"kind": "x"}):
                await asyncio.to_thread(server.site.post, body, key=server.key)
            await asyncio.to_thread(other.send)
            return [first, await listener.hear()]

    assert [message["servers"] for message in asyncio.run(listen())] == [[server.id], [other.id]]
