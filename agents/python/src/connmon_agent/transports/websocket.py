"""The protocol over a WebSocket, whose orders arrive at once. Needs `pip install connmon-agent[websocket]`."""

import asyncio
import contextlib
import json
import ssl
from typing import Any, Final

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import InvalidStatus, WebSocketException
except ImportError as missing:
    raise ImportError("the WebSocket transport needs: pip install 'connmon-agent[websocket]'") from missing

from connmon_agent.report import AGENT
from connmon_agent.transports import MAX_ANSWER, SOCKET_PATH, Failure, Inbox, Push, Request, Response
from connmon_agent.transports.address import read_address
from connmon_agent.transports.background import BackgroundTransport

TIMEOUT: Final = 15.0  # seconds for connecting


class AsyncWebSocketTransport:
    """Sends reports over a socket to the backend at `url` (http or https) with a report key, under asyncio.

    The socket is opened for the first report and again for the next one after it was lost. Raises ValueError
    for an address or key of no use.

    Example::

        agent = Agent(manager, AsyncWebSocketTransport("https://connmon.example.com", key))
        task = asyncio.create_task(agent.run())
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT, context: ssl.SSLContext | None = None) -> None:
        self.inbox = Inbox()
        self._address = read_address(url, key)
        self._timeout = timeout
        self._context = context
        self._outgoing: asyncio.Queue[Request] = asyncio.Queue()
        self._waiting: Request | None = None  # sent, and not answered yet
        self._task: asyncio.Task[None] | None = None

    def send(self, request: Request) -> None:
        """Starts an attempt. If the one before is not answered yet, its socket is given up."""
        if self._task is not None and self._waiting is not None:
            self.close()
        self._waiting = request
        self._outgoing.put_nowait(request)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="connmon-agent")

    def close(self) -> None:
        """Closes the socket; an attempt under way is broken off."""
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self._waiting = None
        self._outgoing = asyncio.Queue()

    async def _run(self) -> None:
        """One socket's life."""
        try:
            socket = await self._open()
            try:
                await self._talk(socket)
            finally:
                socket.transport.abort()  # it is over, or given up; a closing handshake would have to be waited for
            self._fail("the socket was closed")
        except InvalidStatus as refused:
            answer = refused.response
            self._answer(answer.status_code, bytes(answer.body or b""), answer.headers.get("Retry-After"))
        except Exception as error:  # of whatever kind: an attempt must come to an end that is told
            self._fail(f"{type(error).__name__}: {error}")

    async def _talk(self, socket: ClientConnection) -> None:
        """Reads until the socket ends, writing meanwhile."""
        writing = asyncio.create_task(self._write(socket, self._outgoing))
        try:
            async for frame in socket:
                self._take(frame.encode() if isinstance(frame, str) else bytes(frame))
        finally:
            writing.cancel()
            await asyncio.wait([writing])

    def _open(self) -> connect:
        return connect(
            self._address.socket_url(SOCKET_PATH),
            additional_headers={"Authorization": self._address.authorization},
            user_agent_header=AGENT,
            ssl=(self._context or ssl.create_default_context()) if self._address.secure else None,
            open_timeout=self._timeout,
            max_size=MAX_ANSWER,
        )

    async def _write(self, socket: ClientConnection, outgoing: "asyncio.Queue[Request]") -> None:
        with contextlib.suppress(WebSocketException):  # the reader sees the end of the socket too
            while True:
                request = await outgoing.get()
                await socket.send(request.body.decode("ascii"))

    def _take(self, frame: bytes) -> None:
        """A problem, an acknowledgement of what waits, or what is no message at all is the answer to it; anything else
        came unasked, orders above all.
        """
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError):
            message = None
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "problem":
            status = message.get("status")
            self._answer(status if isinstance(status, int) else 500, frame)
        elif self._waiting is not None and (kind is None or _acknowledges(message, self._waiting)):
            self._answer(200, frame)
        else:
            self.inbox.put(Push(frame))

    def _answer(self, status: int, body: bytes, retry_after: str | None = None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.inbox.put(Response(waiting.token, status, body, retry_after))

    def _fail(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, None
        self._outgoing = asyncio.Queue()
        if waiting is not None:
            self.inbox.put(Failure(waiting.token, reason))


def _acknowledges(message: dict[str, Any], request: Request) -> bool:
    return message.get("kind") == "ack" and message.get("ack") == request.seq


class WebSocketTransport(BackgroundTransport):
    """AsyncWebSocketTransport for a server without asyncio: its socket lives in a background thread.

    Example::

        agent = Agent(manager, WebSocketTransport("https://connmon.example.com", key))
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT, context: ssl.SSLContext | None = None) -> None:
        super().__init__(AsyncWebSocketTransport(url, key, timeout=timeout, context=context))
