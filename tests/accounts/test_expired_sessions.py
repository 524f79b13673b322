"""Log-ins that have run out do not stay in the database."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from connmon import tasks
from connmon.accounts import sessions
from connmon.accounts.models import User
from connmon.celery import app

HOUR = timedelta(hours=1)


def log_in(user: User, now: datetime) -> str:
    """A session as a log-in makes it, good for 14 days, and the note of its use; its key."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.create()
    key = str(session.session_key)
    Session.objects.filter(session_key=key).update(expire_date=now + timedelta(days=14))
    sessions.note_use(user, session_key=key, address="127.0.0.1", user_agent="tests", now=now)
    return key


def held() -> tuple[set[str], set[str]]:
    """The keys of sessions, and of notes on sessions."""
    return (
        set(Session.objects.values_list("session_key", flat=True)),
        set(UserSession.objects.values_list("session_key", flat=True)),
    )


def test_a_session_that_has_run_out_goes_with_its_note_and_others_stay(owner: User, now: datetime) -> None:
    over, live = log_in(owner, now - timedelta(days=15)), log_in(owner, now - timedelta(days=13))
    assert held() == ({over, live}, {over, live})
    sessions.drop_expired(now=now)
    assert held() == ({live}, {live})


def test_a_note_of_a_session_that_was_ended_goes_too(owner: User, now: datetime) -> None:
    key = log_in(owner, now - 2 * HOUR)
    Session.objects.filter(session_key=key).delete()
    sessions.drop_expired(now=now)
    assert held() == (set(), set())


def test_a_note_that_is_ahead_of_its_session_stays(owner: User, now: datetime) -> None:
    sessions.note_use(owner, session_key="new", address="127.0.0.1", user_agent="tests", now=now)
    sessions.drop_expired(now=now)
    assert held() == (set(), {"new"})


def test_beat_has_it_done_every_day(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(owner, timezone.now() - timedelta(days=15))
    (entry,) = [one for one in app.conf.beat_schedule.values() if one["task"] == tasks.drop_expired_sessions.name]
    due = entry["schedule"].remaining_estimate(timezone.now())
    assert timedelta() < due <= timedelta(days=1)
    assert entry["options"]["expires"] < timedelta(days=1).total_seconds()
    tasks.drop_expired_sessions()
    assert held() == (set(), set())
