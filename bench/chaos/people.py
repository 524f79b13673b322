"""Who takes part, made by connmon's own actions inside `manage.py shell`; printed as one line of JSON."""

from __future__ import annotations

import json
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils import timezone

from connmon.accounts.models import ApiKey, Game, Membership, Role, User
from connmon.core import ids

INTERVALS = {"chaos": 2.0, "storm": 60.0}  # seconds between reports


def print_people() -> None:
    """Two games, a report key for each, one for ops, and the cookie of a member's session."""
    now = timezone.now()
    games = {
        slug: Game.objects.create(name=slug, slug=slug, report_interval=interval, created_at=now)
        for slug, interval in INTERVALS.items()
    }
    user = User.objects.create_user("dev@example.com", "a-long-enough-passphrase")
    Membership.objects.create(game=games["chaos"], user=user, role=Role.ADMIN, created_at=now)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    found = {
        "games": {slug: game.pk for slug, game in games.items()},
        "keys": {slug: add_key(game, "report") for slug, game in games.items()},
        "ops": add_key(games["chaos"], "read", "execute"),
        "cookie": f"{settings.SESSION_COOKIE_NAME}={store.session_key}",
    }
    print(json.dumps(found))


def add_key(game: Game, *scopes: str) -> str:
    """A key of the game, as its holder sends it."""
    key = ids.new_key()
    now = timezone.now()
    ApiKey.objects.create(
        id=key.id, game=game, name=scopes[0], digest=ids.digest(key.secret), scopes=list(scopes), created_at=now
    )
    return key.plaintext
