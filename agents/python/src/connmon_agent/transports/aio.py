"""HTTP over one kept connection, as a task of the running asyncio loop. Standard library only."""

import asyncio
import contextlib
import ssl
from http.client import HTTPMessage, parse_headers
from io import BytesIO
from typing import Final

from connmon_agent.transports import MAX_ANSWER, REPORTS_PATH, Failure, Inbox, Request, Response
from connmon_agent.transports.address import http_message, read_address

TIMEOUT: Final = 25.0  # seconds for a whole attempt; the reporter's own deadline is 30 s
MAX_HEAD: Final = 64 * 1024  # bytes of an answer's head

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class AsyncHttpTransport:
    """HttpTransport for a server that runs on asyncio; used from the loop's own thread.

    Raises ValueError for an address or key of no use.

    Example::

        agent = Agent(manager, AsyncHttpTransport("https://connmon.example.com", key))
        task = asyncio.create_task(agent.run())
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT, context: ssl.SSLContext | None = None) -> None:
        self.inbox = Inbox()
        self._address = read_address(url, key)
        self._timeout = timeout
        self._context = context
        self._stream: _Stream | None = None
        self._task: asyncio.Task[None] | None = None

    def send(self, request: Request) -> None:
        """Starts an attempt; ends an older one that still is under way."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._drop()
        self._task = asyncio.get_running_loop().create_task(self._run(request), name="connmon-agent")

    def close(self) -> None:
        """Breaks off the attempt under way and closes the connection."""
        if self._task is not None:
            self._task.cancel()
        self._drop()

    async def _run(self, request: Request) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self.inbox.put(await self._attempt(request))
        except asyncio.CancelledError:
            self._drop()
            raise
        except Exception as error:  # of whatever kind: an attempt must come to an end that is told
            self._drop()
            self.inbox.put(Failure(request.token, f"{type(error).__name__}: {error}"))

    async def _attempt(self, request: Request) -> Response:
        """One attempt; a second one when a kept connection turns out to have been closed by the other side."""
        headers, body = http_message(self._address, request)
        lines = [f"POST {self._address.target(REPORTS_PATH)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = "\r\n".join([*lines, "", ""]).encode("ascii") + body
        kept = self._stream is not None
        try:
            status, answer_headers, answer = await self._exchange(message)
        except (ConnectionError, EOFError):
            self._drop()
            if not kept:
                raise
            status, answer_headers, answer = await self._exchange(message)
        return Response(request.token, status, answer, answer_headers.get("Retry-After"))

    async def _exchange(self, message: bytes) -> tuple[int, HTTPMessage, bytes]:
        if self._stream is None:
            context = (self._context or ssl.create_default_context()) if self._address.secure else None
            self._stream = await asyncio.open_connection(
                self._address.host, self._address.port, ssl=context, limit=MAX_HEAD
            )
        reader, writer = self._stream
        writer.write(message)
        await writer.drain()
        status, headers = await _read_head(reader)
        body, may_stay = await _read_body(reader, headers)
        if not may_stay or headers.get("Connection", "").lower() == "close":
            self._drop()
        return status, headers, body

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                stream[1].transport.abort()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, HTTPMessage]:
    """Status and headers. Raises ValueError for what is no HTTP, and the stream's own errors."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        words = line.split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ValueError(f"the answer does not begin like one of HTTP/1: {line[:80]!r}")
        status = int(words[1])
        if status >= 200:  # those before only announce
            return status, parse_headers(BytesIO(fields))


async def _read_body(reader: asyncio.StreamReader, headers: HTTPMessage) -> tuple[bytes, bool]:
    """The body, and whether the connection can be kept. Raises ValueError when it is longer than any answer."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return await _read_chunks(reader), True
    length = headers.get("Content-Length")
    if length is None:
        return await _bounded(reader, MAX_ANSWER + 1), False
    size = int(length)
    if not 0 <= size <= MAX_ANSWER:
        raise ValueError(f"the answer has {length} bytes")
    return await reader.readexactly(size), True


async def _bounded(reader: asyncio.StreamReader, limit: int) -> bytes:
    """All until the end of the stream."""
    body = bytearray()
    while chunk := await reader.read(limit - len(body)):
        body += chunk
    if len(body) >= limit:
        raise ValueError("the answer does not end")
    return bytes(body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size < 0 or len(body) + size > MAX_ANSWER:
            raise ValueError("the answer is longer than any answer to a report")
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers
                pass
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
