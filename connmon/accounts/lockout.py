"""Accounts that may not be used for a time: whoever runs the installation locks them out and lets them in again."""

from datetime import datetime

from django.db import transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import User
from connmon.accounts.sessions import end_all
from connmon.core.errors import Conflict


def lock_out(user: User, *, now: datetime, by: Actor) -> bool:
    """Ends the user's sessions and refuses new ones; whether it was not so already. Raises Conflict for oneself."""
    if by == Actor.of_user(user):
        raise Conflict("You would lock yourself out; somebody else who runs this installation has to.")
    with transaction.atomic():
        changed = User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
        ended = end_all(user)
        if changed:
            record(None, "user.locked", target=user.email, by=by, now=now, after={"sessions_ended": ended})
    return bool(changed)


def let_in(user: User, *, now: datetime, by: Actor) -> bool:
    """The account can be used again; whether it could not."""
    with transaction.atomic():
        changed = User.objects.filter(pk=user.pk, is_active=False).update(is_active=True)
        if changed:
            record(None, "user.unlocked", target=user.email, by=by, now=now)
    return bool(changed)
