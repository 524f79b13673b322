"""A TCP proxy that treats connections badly: cuts, delays and trickles them, and repeats whole requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

READ: Final = 65_536  # bytes
LIFE: Final = (2.0, 20.0)  # seconds of a connection until it is cut
DELAY: Final = (0.02, 0.6)  # seconds of each piece of a delayed connection
TRICKLE: Final = (64, 0.02)  # bytes, and seconds between them
REPEAT_AFTER: Final = (0.0, 0.0, 0.5, 4.0)  # seconds until a request is sent once more, on a connection of its own
REPEATED: Final = 0.1  # share of the requests of a repeating connection
REPEAT_PATIENCE: Final = 20.0

PLAIN, DELAYED, TRICKLED, REPEATING = "plain", "delayed", "trickled", "repeating"
MODES: Final = (PLAIN, DELAYED, TRICKLED, REPEATING)


class Requests:
    """Cuts a stream of HTTP requests into whole ones; from an upgrade on it hands out whatever comes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._raw = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The requests that are complete now."""
        if self._raw:
            return [chunk]
        self._buffer += chunk
        found = []
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            if b"\r\nupgrade:" in head:
                self._raw = True
                found.append(self._buffer)
                self._buffer = b""
                break
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
            whole = end + 4 + length
            if len(self._buffer) < whole:
                break
            found.append(self._buffer[:whole])
            self._buffer = self._buffer[whole:]
        return found

    @property
    def is_http(self) -> bool:
        """Whether what was handed out are whole requests."""
        return not self._raw


@dataclass
class Proxy:
    """Listens on `port`. While `bad` is False it passes everything on as it comes."""

    host: str
    target: int
    chance: random.Random
    port: int = 0
    bad: bool = True
    done: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection from now on."""
        self._keep(asyncio.create_task(self._serve(reader, writer)))

    async def stop(self) -> None:
        """Ends what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mode = self.chance.choice(MODES) if self.bad else PLAIN
        try:
            upstream = await asyncio.open_connection(self.host, self.target)
        except OSError:
            writer.transport.abort()
            return
        self.done[mode] += 1
        ways = [
            asyncio.ensure_future(self._requests(reader, upstream[1], mode)),
            asyncio.ensure_future(self._pass_on(upstream[0], writer, mode)),
        ]
        life = self.chance.uniform(*LIFE) if self.bad else None
        try:
            done, _ = await asyncio.wait(ways, timeout=life, return_when=asyncio.FIRST_COMPLETED)
            self.done["cut"] += not done
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, upstream[1]):
                end.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mode: str) -> None:
        if mode != REPEATING:
            await self._pass_on(reader, writer, mode)
            return
        requests = Requests()
        while chunk := await reader.read(READ):
            for request in requests.feed(chunk):
                if requests.is_http and self.bad and self.chance.random() < REPEATED:
                    self._keep(asyncio.create_task(self._repeat(request, self.chance.choice(REPEAT_AFTER))))
                writer.write(request)
            await writer.drain()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mode: str) -> None:
        while chunk := await reader.read(READ):
            if mode == DELAYED and self.bad:
                await asyncio.sleep(self.chance.uniform(*DELAY))
            size, pause = TRICKLE if mode == TRICKLED else (len(chunk), 0.0)
            for start in range(0, len(chunk), size):
                writer.write(chunk[start : start + size])
                await writer.drain()
                if pause and self.bad:
                    await asyncio.sleep(pause)

    async def _repeat(self, request: bytes, after: float) -> None:
        await asyncio.sleep(after)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(REPEAT_PATIENCE):
                reader, writer = await asyncio.open_connection(self.host, self.target)
                try:
                    writer.write(request)
                    await reader.read(READ)
                    self.done["requests repeated"] += 1
                finally:
                    writer.transport.abort()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def proxy(host: str, target: int, chance: random.Random) -> AsyncIterator[Proxy]:
    """A proxy on a free port of `host` before the port `target` of the same."""
    found = Proxy(host, target, chance)
    server = await asyncio.start_server(found.accept, host, 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await found.stop()
