"""Where an account is logged in: what is shown of each session, and its end. Only the database's word counts."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import User
from connmon.core.errors import NotFound

NOTED_BEFORE: Final = timedelta(hours=1)  # a note that is younger may be ahead of its session
NOTE_EVERY: Final = 60  # seconds between two notes of when a session was last used: a write each page would be too many


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session as its owner sees it."""

    id: int
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


def list_sessions(user: User, *, current_key: str | None, now: datetime) -> list[SessionRow]:
    """The user's sessions that can still be used, this one first, then the last used."""
    live = Session.objects.filter(expire_date__gt=now).values("session_key")
    rows = UserSession.objects.filter(user=user, session_key__in=live).order_by("-last_seen_at")
    found = [
        SessionRow(row.pk, row.user_agent, row.ip, row.created_at, row.last_seen_at, row.session_key == current_key)
        for row in rows
    ]
    return sorted(found, key=lambda row: not row.is_current)


def is_due(session_key: str) -> bool:
    """Whether this session's use should be noted now; True at most once per NOTE_EVERY. False if nobody can say."""
    name = hashlib.sha256(session_key.encode()).hexdigest()
    try:
        return bool(cache.add(f"seen:{name}", 1, timeout=NOTE_EVERY))
    except RedisError:
        return False


def drop_expired(*, now: datetime) -> None:
    """Removes sessions that have run out, as `manage.py clearsessions` does, and notes on sessions that are gone."""
    Session.objects.filter(expire_date__lt=now).delete()
    kept = Session.objects.values("session_key")
    UserSession.objects.filter(last_seen_at__lt=now - NOTED_BEFORE).exclude(session_key__in=kept).delete()


def note_use(user: User, *, session_key: str, address: str, user_agent: str, now: datetime) -> None:
    """Notes that the session was used from there."""
    seen = {"user": user, "ip": address, "user_agent": user_agent[:200], "last_seen_at": now}
    UserSession.objects.update_or_create(
        session_key=session_key, defaults=seen, create_defaults={**seen, "created_at": now}
    )


def end_session(user: User, *, session_id: int) -> None:
    """Ends one of the user's sessions. Raises NotFound."""
    key = UserSession.objects.filter(user=user, pk=session_id).values_list("session_key", flat=True).first()
    if key is None:
        raise NotFound("You have no such session.")
    _end([key])


def end_all(user: User, *, keep: str | None = None) -> int:
    """Ends the user's sessions but that of the key `keep`; how many ended."""
    keys = UserSession.objects.filter(user=user).exclude(session_key=keep or "").values_list("session_key", flat=True)
    return _end(list(keys))


def end_by_command(user: User, *, now: datetime, by: Actor) -> int:
    """Ends all of the user's sessions on somebody else's word, which is written down; how many ended."""
    with transaction.atomic():
        ended = end_all(user)
        record(None, "sessions.ended", target=user.email, by=by, now=now, after={"sessions": ended})
    return ended


def _end(keys: list[str]) -> int:
    with transaction.atomic():
        ended, _ = Session.objects.filter(session_key__in=keys).delete()
        UserSession.objects.filter(session_key__in=keys).delete()
    return ended
