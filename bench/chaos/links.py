"""How a game server's reports get to connmon: over REST or over a socket. Every failure is a Broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.chaos.gameserver import Json

ANSWER_PATIENCE: Final = 20.0  # seconds; connmon answers a report within 15 or says that it could not
OPEN_PATIENCE: Final = 30.0

Execute = Callable[[list[Json]], bool]


class Broken(Exception):
    """The connection ended, or nothing came over it: what became of the report is unknown."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where reports go, and with which key."""

    host: str
    port: int
    key: str


class Link(Protocol):
    """One way to connmon; begins anew after it broke."""

    async def exchange(self, body: bytes) -> Json:
        """Sends one report; its answer or problem. Raises Broken."""

    async def wait(self, seconds: float) -> None:
        """Until the next report is due, or sooner if orders came. Raises Broken."""

    def close(self) -> None:
        """Ends the connection at once."""


class RestLink:
    """One keep-alive connection for POST /api/v1/reports."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, body: bytes) -> Json:
        try:
            async with asyncio.timeout(ANSWER_PATIENCE):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._target.host, self._target.port)
                return await self._post(*self._streams, body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            self.close()
            raise Broken(repr(error)) from error

    async def _post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> Json:
        head = (
            f"POST /api/v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._target.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        answer: Json = {"kind": "problem"} | msgspec.json.decode(
            await reader.readexactly(int(headers["content-length"]))
        )
        if headers.get("connection") == "close":
            self.close()
        return answer

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        if self._streams:
            self._streams[1].transport.abort()
        self._streams = None


class SocketLink:
    """/ws/v1/agent; orders are carried out as they come."""

    def __init__(self, target: Target, execute: Execute) -> None:
        self._target, self._execute = target, execute
        self._socket: ClientConnection | None = None

    async def exchange(self, body: bytes) -> Json:
        try:
            socket = self._socket or await self._open()
            async with asyncio.timeout(ANSWER_PATIENCE):
                await socket.send(body.decode())
                while (frame := msgspec.json.decode(await socket.recv()))["kind"] == "orders":
                    self._execute(frame["orders"])
                return dict(frame)
        except (OSError, TimeoutError, WebSocketException) as error:
            self.close()
            raise Broken(repr(error)) from error

    async def _open(self) -> ClientConnection:
        self._socket = await connect(
            f"ws://{self._target.host}:{self._target.port}/ws/v1/agent",
            additional_headers={"Authorization": f"Bearer {self._target.key}"},
            compression=None, proxy=None, open_timeout=OPEN_PATIENCE, ping_interval=None, close_timeout=1, max_queue=4,
        )  # fmt: skip
        return self._socket

    async def wait(self, seconds: float) -> None:
        if self._socket is None:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                while True:
                    frame = msgspec.json.decode(await self._socket.recv())
                    if frame["kind"] == "orders" and self._execute(frame["orders"]):
                        return
        except TimeoutError:
            return
        except (OSError, WebSocketException) as error:
            self.close()
            raise Broken(repr(error)) from error

    def close(self) -> None:
        if self._socket:
            self._socket.transport.abort()
        self._socket = None
