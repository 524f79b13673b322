"""Every write to configurations: each makes a revision and its audit entry in one transaction."""

from datetime import datetime
from typing import Any

from django.db import transaction

from connmon.accounts.audit import MAX_REASON, Actor, record
from connmon.accounts.models import Game
from connmon.configuration import rules
from connmon.configuration.models import Revision
from connmon.configuration.queries import current, find_revision, of_revision
from connmon.configuration.rules import Overrides
from connmon.core.errors import Conflict, Invalid


def change_configuration(
    game: Game,
    *,
    settings: object,
    services: object,
    reason: str,
    by: Actor,
    now: datetime,
    expected: int | None = None,
) -> Revision:
    """A new revision with a patch (rules.change) laid over the current one.

    Raises Invalid (a value cannot be, no reason, nothing would change), Conflict (`expected` is not the current one).
    """
    with transaction.atomic():
        known = _lock(game, expected)
        wanted = rules.change(known.overrides, settings=settings, services=services)
        return _add(game, known, wanted, reason=reason, by=by, now=now)


def roll_back(game: Game, *, to: int, reason: str, by: Actor, now: datetime, expected: int | None = None) -> Revision:
    """A new revision with the values of an earlier one; 0 is the defaults.

    Raises NotFound, Invalid (no reason, nothing would change), Conflict (`expected` is not the current one).
    """
    with transaction.atomic():
        known = _lock(game, expected)
        wanted = of_revision(find_revision(game.pk, to)).overrides if to else rules.NOTHING
        return _add(game, known, wanted, reason=reason, by=by, now=now, rolled_back_to=to)


def _lock(game: Game, expected: int | None) -> rules.Configuration:
    """The current one, locked against a second change, which would build on it too and undo this one."""
    Game.objects.select_for_update(no_key=True).get(pk=game.pk)
    known = current(game.pk)
    if expected is not None and expected != known.revision:
        raise Conflict(f"Revision {known.revision} holds by now, not {expected}: look at it, then change it.")
    return known


def _add(
    game: Game,
    known: rules.Configuration,
    wanted: Overrides,
    *,
    reason: str,
    by: Actor,
    now: datetime,
    rolled_back_to: int | None = None,
) -> Revision:
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise Invalid(f"A change of the configuration takes a reason of 1 to {MAX_REASON} characters.")
    changes = rules.compare(known.overrides, wanted)
    if not changes and wanted == known.overrides:
        raise Invalid("Nothing would change.")
    revision = Revision.objects.create(
        game=game,
        number=known.revision + 1,
        settings=wanted.settings,
        services=wanted.services,
        changes=changes,
        rolled_back_to=rolled_back_to,
        author_kind=by.kind,
        author=by.label[:254],
        reason=reason,
        created_at=now,
    )
    before, after = ({_name(one): one[side] for one in changes} for side in ("before", "after"))
    action = "configuration.changed" if rolled_back_to is None else "configuration.rolled_back"
    target = str(revision) if rolled_back_to is None else f"{revision}, the values of revision {rolled_back_to}"
    record(game, action, target=target, by=by, now=now, before=before, after=after, reason=reason)
    return revision


def _name(one: dict[str, Any]) -> str:
    whose = f"{one['service']}: " if one["service"] else ""
    return f"{whose}{one['section']}.{one['setting']}"
