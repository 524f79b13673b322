"""The browsers' live socket, /ws/v1/live?game=<slug>&page=<page>; its messages are in docs/dashboard.md."""

import asyncio
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard import admission, feed
from dashboard.pages import parse_page

PATIENCE: Final = 60.0  # seconds; a feed speaks every 5 s, and nothing depends on waking up without a message


class Life(Enum):
    """A socket is admitted once, watches one page, and ends."""

    NEW = auto()
    WATCHING = auto()
    ENDED = auto()


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Sends a page's state, then what changes. Closes with 4401 (log in), 4403 (no member), 4404 (no such page)."""

    channel_layer_alias = "none"  # the feed listens for all sockets, so none needs a channel of its own
    life = Life.NEW

    async def connect(self) -> None:
        await self.accept()  # first, since a refused handshake carries no code
        wanted = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        page = parse_page(wanted.get("page", [""])[0])
        ticket = await admission.admit(self.scope, slug=wanted.get("game", [""])[0])
        if page is None or isinstance(ticket, int):
            await self.close(ticket if isinstance(ticket, int) else admission.NO_SUCH_PAGE)
            return
        self.life = Life.WATCHING
        self._subscription = feed.subscribe(ticket.game_id, page)
        self._pump = asyncio.create_task(self._send_changes())
        admission.doorkeeper.enter(self, ticket, self.close)

    async def disconnect(self, code: int) -> None:
        if self.life is Life.WATCHING:
            admission.doorkeeper.leave(self)
            self._pump.cancel()
            await self._subscription.leave()
        self.life = Life.ENDED

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """Browsers have nothing to say here; what comes is not read."""

    async def _send_changes(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            if message := await self._subscription.take(until=clock() + PATIENCE):
                await self.send(text_data=message)
