"""What people and programs do with a leak: each in one transaction with its audit entry."""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, Membership
from connmon.core.errors import Invalid
from connmon.leaks.models import Leak
from connmon.leaks.queries import find_leak

MAX_LINK: Final = 500  # characters
LONGEST_IGNORE: Final = timedelta(days=366)


def assign_leak(game: Game, leak_id: int, *, email: str, by: Actor, now: datetime) -> Leak:
    """Gives a leak to a member, by e-mail; "" to nobody. Raises NotFound, Invalid."""
    member = None
    if email:
        found = Membership.objects.filter(game=game, user__email=email.strip().lower()).select_related("user").first()
        if found is None:
            raise Invalid("Only a member of this game can be given a leak; add the person first.")
        member = found.user
    leak = find_leak(game.pk, leak_id)
    before = leak.assignee.email if leak.assignee else ""
    after = member.email if member else ""
    return _change(game, leak, "leak.assigned", {"assignee": member}, {"to": before}, {"to": after}, by=by, now=now)


def ignore_leak(game: Game, leak_id: int, *, until: datetime | None, by: Actor, now: datetime) -> Leak:
    """Raises no alarm for a leak until then; None ends that. Raises NotFound, Invalid."""
    if until is not None and not now < until <= now + LONGEST_IGNORE:
        raise Invalid("Ignore a leak until a moment that is still to come, at most a year away.")
    leak = find_leak(game.pk, leak_id)
    before, after = {"until": leak.ignored_until}, {"until": until}
    return _change(game, leak, "leak.ignored", {"ignored_until": until}, before, after, by=by, now=now)


def link_leak(game: Game, leak_id: int, *, link: str, by: Actor, now: datetime) -> Leak:
    """Notes the address of a ticket or commit; "" removes it. Raises NotFound, Invalid."""
    link = link.strip()
    if link and not _is_address(link):
        raise Invalid(f"A link is an address that begins with https:// or http://, of at most {MAX_LINK} characters.")
    leak = find_leak(game.pk, leak_id)
    return _change(game, leak, "leak.linked", {"link": link}, {"link": leak.link}, {"link": link}, by=by, now=now)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    printable = text.isprintable() and not any(each.isspace() for each in text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(text) <= MAX_LINK and printable


def _change(
    game: Game,
    leak: Leak,
    action: str,
    fields: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> Leak:
    with transaction.atomic():
        Leak.objects.filter(pk=leak.pk).update(**fields)
        target = f"leak {leak.pk}: {leak.origin.service.name} {leak.origin}"
        record(game, action, target=target, by=by, now=now, before=before, after=after)
    return find_leak(game.pk, leak.pk)
