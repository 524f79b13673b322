"""One feed per process and watched page: however many browsers watch, a change costs one look at the database.

A feed listens to its game's group, looks when something changed that concerns its page, and hands each subscriber the
difference. A subscriber that has not taken the last one yet (a slow browser) gets the whole state when
it comes back, so that nobody waits for it and nothing queues up.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

from channels.db import database_sync_to_async
from django.utils import timezone

from connmon.live.follow import follow
from dashboard.delta import Plain, difference, plain, state_message
from dashboard.pages import Page
from dashboard.watches import Watch, watch

INTERVAL: Final = 0.08  # seconds between two looks: publishing's 0.1 finds the feed ready, so nothing waits twice
IDLE_INTERVAL: Final = 5.0  # seconds; nobody reports that a server fell silent, so look without being told
LOAD_SHARE: Final = 4  # a look that takes t is followed by a pause of 4 t: a feed takes a fifth of a connection
RETRY: Final = 1.0  # seconds after a fault of the database or the channel layer

_log = logging.getLogger("connmon.live")


class Subscription:
    """One browser's place in a feed: at most one message waits here."""

    def __init__(self, feed: "Feed") -> None:
        self._feed = feed
        self._waiting: str | None = None
        self._behind = False
        self._arrived = asyncio.Event()

    def offer(self, message: str) -> None:
        """Leaves a message; if the last one is still there, the whole state will be taken instead."""
        self._behind = self._waiting is not None
        self._waiting = message
        self._arrived.set()

    async def take(self, *, until: float) -> str | None:
        """Waits for the next message; None at the loop's time `until`."""
        try:
            async with asyncio.timeout_at(until):
                await self._arrived.wait()
        except TimeoutError:
            return None
        message = self._feed.whole() if self._behind else self._waiting
        self._waiting, self._behind = None, False
        self._arrived.clear()
        return message

    async def leave(self) -> None:
        await self._feed.unsubscribe(self)


class FeedLife(Enum):
    """A feed lives from its first subscriber to its last."""

    RUNNING = auto()
    ENDED = auto()


class Feed:
    """The state of one page of one game, kept up to date for its subscribers."""

    def __init__(self, game_id: int, page: Page) -> None:
        self.game_id = game_id
        self.page = page
        self.life = FeedLife.RUNNING
        self._subscriptions: set[Subscription] = set()
        self._state: Plain | None = None
        self._at = timezone.now()
        self._fault = ""
        self._watch = watch(page, game_id)
        self._changed = asyncio.Event()
        self._servers: set[int] | None = None  # that changed since the last look; None: maybe any
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._run())]

    def subscribe(self) -> Subscription:
        subscription = Subscription(self)
        self._subscriptions.add(subscription)
        if self._state is not None:
            subscription.offer(self.whole())
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        if not self._subscriptions and self.life is FeedLife.RUNNING:
            self.life = FeedLife.ENDED
            _feeds.pop((self.game_id, self.page), None)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def whole(self) -> str:
        """The message that carries everything."""
        return state_message(self._at, self._state or {}, whole=True)

    async def step(self, *, now: datetime) -> bool:
        """One look at the database; whether anything was different. Everybody is told either way: data has an age."""
        servers, self._servers = self._servers, set()
        try:
            state = await _look(self._watch, servers, now)
        except Exception:
            self._servers = None
            raise
        before, self._state, self._at = self._state, state, now
        if before is None:
            self._tell(self.whole())
            return True
        changed = difference(before, state)
        self._tell(state_message(now, changed, whole=False))
        return bool(changed)

    def _tell(self, message: str) -> None:
        for subscription in self._subscriptions:
            subscription.offer(message)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            self._changed.clear()
            try:
                await self.step(now=timezone.now())
                self._fault = ""
            except Exception as error:  # no database, or its subject is gone: browsers see the data grow old
                self._note(f"live page {self.page} of game {self.game_id} cannot be read: {error}")
                await asyncio.sleep(RETRY)
            await asyncio.sleep(pause_after(clock() - began))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._rhythm())

    def _rhythm(self) -> float:
        return min(IDLE_INTERVAL, self.page.rhythm(self._state or {}))

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow_group()
            except Exception as error:  # no channel layer: the page goes on at its idle rhythm
                self._note(f"live updates of game {self.game_id} are not heard: {error}")
                await asyncio.sleep(RETRY)

    def _note(self, fault: str) -> None:
        """Logs a fault once, not at every try."""
        if fault != self._fault:
            _log.warning("%s", fault)
        self._fault = fault

    async def _follow_group(self) -> None:
        async with aclosing(follow(self.game_id)) as messages:
            async for servers in messages:
                if self.page.is_concerned(servers):
                    self._hear(servers)

    def _hear(self, servers: list[int] | None) -> None:
        known = self._servers
        self._servers = None if known is None or servers is None else known.union(servers)
        self._changed.set()


def pause_after(took: float) -> float:
    """Seconds to leave the database alone after a look that took this long."""
    return max(INTERVAL - took, took * LOAD_SHARE)


_feeds: dict[tuple[int, Page], Feed] = {}


def subscribe(game_id: int, page: Page) -> Subscription:
    """A place in this process's feed of the page, which is started if nobody watches it yet."""
    feed = _feeds.get((game_id, page))
    if feed is None:
        feed = _feeds[game_id, page] = Feed(game_id, page)
    return feed.subscribe()


def running_feeds() -> list[tuple[int, Page]]:
    """What this process watches now."""
    return list(_feeds)


# Not the one thread that Django shares by default: a slow look at one game must not hold up the others.
_read: Callable[..., Any] = database_sync_to_async(
    lambda watch, servers, now: plain(watch.look(servers, now=now)), thread_sensitive=False
)


async def _look(watch: Watch, servers: set[int] | None, now: datetime) -> Plain:
    state: Plain = await _read(watch, servers, now)
    return state
