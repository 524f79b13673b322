"""Each request and socket has an id. Its answer carries it as X-Request-Id, and so does every log line about it.

Reports that are taken have none: the log speaks of them by server, boot and sequence number.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, Final

from connmon.core import logs
from connmon.core.proxies import Proxies

HEADER: Final = b"x-request-id"
_GIVEN: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")  # what nginx, Envoy, Traefik and most clouds send

_process: Final = secrets.token_hex(5)
_numbers: Final = count(1)

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


def begin(scope: Mapping[str, Any], proxies: Proxies) -> str:
    """The id of a connection: the one that a named proxy gave it, or a new one. Lines logged from here on carry it."""
    given = _given(scope) if proxies.speak(scope) else ""
    # Counted, not drawn: nothing is protected by it.
    request_id = given or f"{_process}-{next(_numbers):x}"
    logs.about.set({"request_id": request_id})
    return request_id


def current() -> str:
    """The id of the request that is being answered; "" outside of one."""
    return logs.about.get().get("request_id", "")


def sending(send: Send, request_id: str) -> Send:
    """`send` with the id among the headers of the answer, or of the handshake."""
    field = (HEADER, request_id.encode())

    async def send_with_id(message: Mapping[str, Any]) -> None:
        if message["type"] in {"http.response.start", "websocket.accept"}:
            message = {**message, "headers": [*message.get("headers", ()), field]}
        await send(message)

    return send_with_id


def _given(scope: Mapping[str, Any]) -> str:
    values = [value for name, value in scope["headers"] if name == HEADER]
    return values[0].decode() if len(values) == 1 and _GIVEN.fullmatch(values[0]) else ""
