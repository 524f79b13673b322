"""Notes when and from where each session is used, at most once a minute, so that its owner can see."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from connmon.accounts import sessions
from connmon.accounts.adapters import NO_ADDRESS
from connmon.accounts.models import User


class NoteSessions:
    """Before the page, so that a session's first page already lists it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.session.session_key
        if key and sessions.is_due(key) and isinstance(request.user, User):
            sessions.note_use(
                request.user,
                session_key=key,
                address=request.META.get("REMOTE_ADDR") or NO_ADDRESS,
                user_agent=request.META.get("HTTP_USER_AGENT", ""),
                now=timezone.now(),
            )
        return self._get_response(request)
