"""Browsers that open a live page and never read what comes."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from contextlib import suppress
from typing import Final

from bench.chaos.house import HOST

PAGES: Final = ("overview", "servers")
WINDOW: Final = 2_048  # bytes that the kernel takes for a reader who does not read
AGAIN: Final = 1.0  # seconds until a socket that was refused or lost is opened anew


class SlowReaders:
    """`count` live sockets of one member that never read beyond the handshake; opened anew when they are lost."""

    def __init__(self, port: int, cookie: str, slug: str, count: int) -> None:
        self.opened = 0
        self._port, self._cookie, self._slug = port, cookie, slug
        self._tasks = [asyncio.create_task(self._run(PAGES[number % 2])) for number in range(count)]

    async def stop(self) -> None:
        """Closes them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, page: str) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._sit(page)
            await asyncio.sleep(AGAIN)

    async def _sit(self, page: str) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)  # before it connects, or the window is larger
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (HOST, self._port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=256)
        try:
            writer.write(self._handshake(page))
            head = await reader.readline()
            self.opened += b" 101 " in head
            # The stream stops reading at twice its limit; what is left is the server's to keep, or to give up.
            while not reader.at_eof() and not reader.exception():
                await asyncio.sleep(0.5)
        finally:
            writer.transport.abort()

    def _handshake(self, page: str) -> bytes:
        host = f"{HOST}:{self._port}"
        lines = [
            f"GET /ws/v1/live?game={self._slug}&page={page} HTTP/1.1",
            f"Host: {host}",
            f"Origin: http://{host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            f"Cookie: {self._cookie}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()
