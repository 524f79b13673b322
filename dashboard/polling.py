"""Live pages where sockets are blocked: the state over HTTP, whole, with an ETag.

What has not changed costs no bytes, and however many browsers ask, the database is looked at once in KEPT seconds.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from msgspec import Struct

from dashboard.delta import plain, state_message
from dashboard.kept import kept

KEPT: Final = 2  # seconds


def polled(request: HttpRequest, key: str, look: Callable[[datetime], Struct]) -> HttpResponse:
    """The state as the socket would send it first, or 304. `key` names it among all pages of all games."""
    etag, message = kept(f"live:{key}", KEPT, lambda: _look(look, timezone.now()))
    answer = HttpResponse(message, content_type="application/json", headers={"Cache-Control": "private, no-cache"})
    answer["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=answer) or answer


def _look(look: Callable[[datetime], Struct], now: datetime) -> list[str]:
    """The state's ETag, which does not depend on when it was looked at, and its message."""
    state = plain(look(now))
    digest = hashlib.sha256(msgspec.json.encode(state)).hexdigest()
    return [f'"{digest[:32]}"', state_message(now, state, whole=True)]
