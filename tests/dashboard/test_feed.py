"""A feed's subscribers: nobody waits for a slow one, and nobody misses anything."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard import feed
from dashboard.feed import Feed, Subscription
from dashboard.pages import Page
from dashboard.watches import Watch

NOW = datetime(2030, 5, 4, 12, 0, tzinfo=UTC)
PATIENCE = 10.0


class Source:
    """Stands in for the database: the states to be read, in turn; the last one stays."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any] | Exception] = [{"n": 0}]
        self.looks: list[set[int] | None] = []  # which servers had changed

    async def look(self, watch: Watch, servers: set[int] | None, now: datetime) -> dict[str, Any]:
        self.looks.append(servers)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    source = Source()
    monkeypatch.setattr(feed, "_look", source.look)
    return source


@pytest.fixture
async def running(source: Source, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """A feed whose steps the test makes itself."""

    async def rest(self: Feed) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Feed, "_run", rest)
    monkeypatch.setattr(Feed, "_listen", rest)
    return Feed(1, Page("overview"))


async def take(subscription: Subscription) -> dict[str, Any]:
    text = await subscription.take(until=asyncio.get_running_loop().time() + PATIENCE)
    assert text is not None
    message: dict[str, Any] = json.loads(text)
    return message


async def test_a_subscriber_gets_the_whole_state_and_then_differences(running: Feed, source: Source) -> None:
    subscription = running.subscribe()
    source.states = [{"a": 1, "b": 1}, {"a": 2, "b": 1}]
    await running.step(now=NOW)
    first = await take(subscription)
    await running.step(now=NOW)
    second = await take(subscription)
    assert (first["whole"], first["data"]) == (True, {"a": 1, "b": 1})
    assert (second["whole"], second["data"]) == (False, {"a": 2})
    await subscription.leave()


async def test_a_late_subscriber_gets_the_whole_state_at_once(running: Feed, source: Source) -> None:
    early = running.subscribe()
    await running.step(now=NOW)
    late = running.subscribe()
    assert (await take(late))["data"] == {"n": 0}
    await early.leave()
    await late.leave()


async def test_a_slow_subscriber_gets_the_whole_state_instead_of_what_it_missed(running: Feed, source: Source) -> None:
    slow = running.subscribe()
    source.states = [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 2, "b": 2}]
    for _ in range(3):
        await running.step(now=NOW)
    message = await take(slow)
    assert (message["whole"], message["data"]) == (True, {"a": 2, "b": 2})
    await slow.leave()


async def test_waiting_for_a_message_ends_at_its_time(running: Feed) -> None:
    subscription = running.subscribe()
    assert await subscription.take(until=asyncio.get_running_loop().time() + 0.01) is None
    await subscription.leave()


async def test_a_feed_ends_with_its_last_subscriber(running: Feed) -> None:
    one, two = running.subscribe(), running.subscribe()
    lives = []
    for subscription in (one, two):
        await subscription.leave()
        lives.append(running.life)
    assert lives == [feed.FeedLife.RUNNING, feed.FeedLife.ENDED]


async def test_a_look_is_told_which_servers_changed_since_the_last_one(running: Feed, source: Source) -> None:
    subscription = running.subscribe()
    await running.step(now=NOW)
    running._hear([7, 8])
    running._hear([8, 9])
    await running.step(now=NOW)
    running._hear([7])
    running._hear(None)
    await running.step(now=NOW)
    await running.step(now=NOW)
    assert source.looks == [None, {7, 8, 9}, None, set()]
    await subscription.leave()


async def test_after_a_fault_any_server_may_have_changed(running: Feed, source: Source) -> None:
    subscription = running.subscribe()
    source.states = [{"n": 1}, RuntimeError("away"), {"n": 2}]
    await running.step(now=NOW)
    running._hear([7])
    with pytest.raises(RuntimeError):
        await running.step(now=NOW)
    await running.step(now=NOW)
    assert source.looks == [None, {7}, None]
    await subscription.leave()


async def test_a_fault_of_the_database_is_outlived(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    async def rest(self: Feed) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Feed, "_listen", rest)
    monkeypatch.setattr(feed, "RETRY", 0.01)
    monkeypatch.setattr(feed, "INTERVAL", 0.01)
    monkeypatch.setattr(feed, "IDLE_INTERVAL", 0.01)
    source.states = [RuntimeError("away"), {"n": 1}]
    subscription = feed.subscribe(1, Page("overview"))
    assert (await take(subscription))["data"] == {"n": 1}
    await subscription.leave()


async def test_a_fault_of_the_channel_layer_leaves_the_page_at_its_own_rhythm(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Feed) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(Feed, "_follow_group", broken)
    monkeypatch.setattr(feed, "RETRY", 0.01)
    monkeypatch.setattr(feed, "INTERVAL", 0.01)
    monkeypatch.setattr(feed, "IDLE_INTERVAL", 0.01)
    source.states = [{"n": 1}, {"n": 2}]
    subscription = feed.subscribe(1, Page("overview"))
    assert (await take(subscription))["data"] == {"n": 1}
    assert (await take(subscription))["data"]["n"] == 2
    await subscription.leave()


@pytest.mark.parametrize(("took", "pause"), [(0.0, 0.08), (0.016, 0.064), (0.5, 2.0)])
def test_a_slow_look_is_followed_by_a_longer_pause(took: float, pause: float) -> None:
    assert feed.pause_after(took) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("page", "state", "seconds"),
    [
        (Page("overview"), {}, 5.0),
        (Page("cleanup"), {}, 2.0),
        (Page("alerts"), {}, 2.0),
        (Page("plan", 7), {}, 5.0),
        (Page("plan", 7), {"plan": {"state": "planned"}}, 1.0),
        (Page("plan", 7), {"plan": {"state": "held"}}, 1.0),
        (Page("plan", 7), {"plan": {"state": "running"}}, 1.0),
        (Page("plan", 7), {"plan": {"state": "watching"}}, 5.0),
    ],
)
def test_a_page_that_workers_change_is_looked_at_by_itself(page: Page, state: dict[str, Any], seconds: float) -> None:
    assert min(feed.IDLE_INTERVAL, page.rhythm(state)) == seconds


@pytest.mark.parametrize("kind", ["cleanup", "alerts", "destinations"])
def test_reports_do_not_concern_pages_that_workers_change(kind: str) -> None:
    assert not Page(kind).is_concerned(None)
    assert not Page(kind).is_concerned([7])
