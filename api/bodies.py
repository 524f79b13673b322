"""Bodies on their way to Django, bounded in size and in time: Django writes whatever comes to a file first."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from api.problems import CONTENT_TYPE, problem
from connmon.source.states import MAX_ARCHIVE

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

MAX_BYTES: Final = 2_621_440  # Django's own DATA_UPLOAD_MAX_MEMORY_SIZE; the largest form needs half of it
SOURCE_BYTES: Final = MAX_ARCHIVE + 65_536  # of uploaded sources; a form has more around its file
SOURCES: Final = re.compile(r"/api/v1/source|/g/[^/]+/migration/upload/")
SECONDS: Final = 30.0  # for a whole body: a sender that trickles holds a task and a file


class Body:
    """One request's body. `refusal`: the problem's code once it is too large or too slow."""

    def __init__(self, receive: Receive, send: Send, *, most: int, until: float) -> None:
        self._receive = receive
        self._send = send
        self._most = most
        self._until = until
        self._size = 0
        self._more = True
        self.refusal = ""
        self.answered = False

    async def receive(self) -> Message:
        """The next message; what is refused looks to Django like a visitor who has left."""
        if not self._more:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            return self._refuse("body-timeout")
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            return self._refuse("body-too-large")
        self._more = bool(message.get("more_body", False))
        return message

    async def send(self, message: Message) -> None:
        self.answered = True
        await self._send(message)

    def _refuse(self, code: str) -> Message:
        self.refusal = code
        return {"type": "http.disconnect"}


DETAILS: Final = {
    "body-too-large": (413, "A body has at most {most:,} bytes here."),
    "body-timeout": (408, f"The body did not arrive within {SECONDS:.0f} s."),
}


def most_bytes(path: str) -> int:
    """How long a body for this address may be."""
    return SOURCE_BYTES if SOURCES.fullmatch(path) else MAX_BYTES


async def serve_bounded(application: Application, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """One HTTP request through `application`; 413 or 408 if its body is too much."""
    most = most_bytes(scope["path"])
    body = Body(receive, send, most=most, until=asyncio.get_running_loop().time() + SECONDS)
    if _announced(scope) > most:
        body.refusal = "body-too-large"
    else:
        await application(scope, body.receive, body.send)
    if body.refusal and not body.answered:
        await _answer(send, body.refusal, most)


def _announced(scope: Mapping[str, Any]) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() and len(length) < 19 else 0


async def _answer(send: Send, code: str, most: int) -> None:
    status, detail = DETAILS[code]
    text = msgspec.json.encode(problem(code, detail.format(most=most), status=status))
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),  # part of the body may still be on its way
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
