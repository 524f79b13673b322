"""`/ws/v1/agent`: the messages of protocol v1 over a socket, one report a frame, answered in order; orders at once."""

import asyncio
from enum import Enum, auto
from typing import Final

from api.ingest import Receive, Refused, ReportEdge, Scope, Send, Taken, address_of
from connmon.accounts.keyring import Key
from connmon.cleanup.desk import Desk
from connmon.registry.rules import SILENT_AFTER
from connmon.wire.codec import encode
from connmon.wire.v1 import Order, Orders

FIRST_FRAME_SECONDS: Final = 10.0
REFUSED_FRAMES: Final = 20  # in a row; then the agent is not worth its socket

CLOSE_SILENT: Final = 4408
CLOSE_REFUSED: Final = 4429
CLOSE_BUSY: Final = 1013  # try again later
_CLOSE_CODES: Final = {"no-key": 4401, "bad-key": 4401, "key-expired": 4401, "key-revoked": 4401, "scope-missing": 4403}


class Life(Enum):
    """A socket's life."""

    WAITING = auto()  # accepted, no frame yet
    REPORTING = auto()
    CLOSED = auto()


class AgentSocket:
    """One agent's socket. No Channels consumer: its dispatch would hop to a thread for every frame."""

    def __init__(self, edge: ReportEdge, desk: Desk, receive: Receive, send: Send) -> None:
        self._edge = edge
        self._desk = desk
        self._server: str | None = None  # whose reports come here; orders do not say whom they are for
        self._server_id: int | None = None  # of its latest boot
        self._receive = receive
        self._send = send
        self._life = Life.WAITING
        self._patience = FIRST_FRAME_SECONDS
        self._refusals = 0

    async def run(self, scope: Scope) -> None:
        """From the handshake to the close."""
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept"})
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        try:
            key = await self._edge.admit(authorization, address=address_of(scope))
        except Refused as refused:
            await self._refuse(refused)
            await self._close(_CLOSE_CODES.get(refused.code, CLOSE_BUSY), refused.detail)
            return
        try:
            while self._life is not Life.CLOSED:
                await self._step(key)
        finally:
            self._detach()

    async def push(self, orders: list[Order]) -> None:
        """Sends orders between two answers."""
        await self._answer(encode(Orders(orders)))

    async def _step(self, key: Key) -> None:
        """Waits for one frame and answers it."""
        try:
            message = await asyncio.wait_for(self._receive(), self._patience)
        except TimeoutError:
            await self._close(CLOSE_SILENT, "No report came for too long.")
            return
        if message["type"] == "websocket.disconnect":
            self._life = Life.CLOSED
            return
        self._life = Life.REPORTING
        text = message.get("text")
        await self._take(key, text.encode() if text is not None else message.get("bytes") or b"")

    async def _take(self, key: Key, frame: bytes) -> None:
        try:
            taken = await self._edge.take(key, frame, pushes=True, server=self._server)
        except Refused as refused:
            await self._refuse(refused)
            if refused.code in _CLOSE_CODES:
                await self._close(_CLOSE_CODES[refused.code], refused.detail)
            elif self._refusals >= REFUSED_FRAMES:
                await self._close(CLOSE_REFUSED, "Too many frames were refused.")
            return
        self._refusals = 0
        self._patience = max(taken.interval * SILENT_AFTER, FIRST_FRAME_SECONDS)
        await self._answer(taken.answer)
        self._attach(taken)

    def _attach(self, taken: Taken) -> None:
        """A server that starts anew on its socket has another key; nobody waits for orders of its earlier boots."""
        if taken.server_id != self._server_id:
            self._detach()
        self._server, self._server_id = taken.server, taken.server_id
        self._desk.attach(taken.server_id, self.push)

    def _detach(self) -> None:
        if self._server_id is not None:
            self._desk.detach(self._server_id, self.push)

    async def _refuse(self, refused: Refused) -> None:
        self._refusals += 1
        await self._answer(refused.body(kind="problem"))

    async def _answer(self, body: bytes) -> None:
        await self._send({"type": "websocket.send", "text": body.decode()})

    async def _close(self, code: int, reason: str) -> None:
        self._life = Life.CLOSED
        await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})
