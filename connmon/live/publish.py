"""After a commit: which servers changed, to the group of their game, at most every INTERVAL.

A message names servers and carries no data: whoever shows a page asks the database, once for all its browsers. A
message that is lost is made up for by the next one, so a broken channel layer costs freshness and nothing else.
"""

import asyncio
import logging
from typing import Final

from channels.layers import get_channel_layer

INTERVAL: Final = 0.1  # seconds; waiting for it is half of a change's way to the screen
MOST_SERVERS: Final = 500  # named in one message; beyond that everything counts as changed


def group_of(game_id: int) -> str:
    """The channel group of a game's browsers."""
    return f"game.{game_id}"


class Publisher:
    """One per process: gathers what changed and sends it on in the background."""

    def __init__(self) -> None:
        self._log = logging.getLogger("connmon.live")
        self._changed: dict[int, set[int]] = {}
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unheard: set[int] = set()  # games whose last message did not get out

    def start(self) -> None:
        """Begins to send; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="live-publisher")

    async def stop(self) -> None:
        """Ends; what was not sent is made up for by the next process."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def publish(self, changed: dict[int, list[int]]) -> None:
        """Notes the changed servers of each game; returns at once."""
        for game_id, servers in changed.items():
            self._changed.setdefault(game_id, set()).update(servers)
        self._arrived.set()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self.step()
            await asyncio.sleep(INTERVAL)

    async def step(self) -> bool:
        """Sends what has gathered; whether there was anything."""
        self._arrived.clear()
        changed, self._changed = self._changed, {}
        for game_id, servers in changed.items():
            await self._send(game_id, servers)
        return bool(changed)

    async def _send(self, game_id: int, servers: set[int]) -> None:
        named = sorted(servers) if len(servers) <= MOST_SERVERS else None
        layer = get_channel_layer()
        try:
            await layer.group_send(group_of(game_id), {"type": "game.changed", "servers": named})
        except Exception as error:  # any fault of the layer or its driver: pages fall back to their own rhythm
            if game_id not in self._unheard:
                self._log.warning("live updates are not sent: %s", error, extra={"game": game_id})
            self._unheard.add(game_id)
        else:
            self._unheard.discard(game_id)
