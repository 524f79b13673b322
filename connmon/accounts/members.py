"""Who is in a game and in what role, as an admin changes it. The last admin stays."""

from datetime import datetime

from django.db import transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, Membership, Role, User
from connmon.core.errors import Conflict, Invalid, NotFound

LAST_ADMIN = "{email} is the last admin of this game. Make somebody else an admin first."


def change_role(game: Game, *, user_id: int, role: str, now: datetime, by: Actor) -> Membership:
    """Gives a member another role. Raises NotFound, Invalid, Conflict (the last admin)."""
    if role not in Role.values:
        raise Invalid(f"A role is one of {', '.join(Role.values)}.")
    with transaction.atomic():
        membership = _lock_member(game, user_id)
        before = membership.role
        if before == role:
            return membership
        if before == Role.ADMIN:
            _check_other_admin(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        target = membership.user.email
        record(game, "member.role", target=target, by=by, now=now, before={"role": before}, after={"role": role})
    return membership


def remove_member(game: Game, *, user_id: int, now: datetime, by: Actor) -> User:
    """Takes a member out of the game; the account stays. Raises NotFound, Conflict (the last admin)."""
    with transaction.atomic():
        membership = _lock_member(game, user_id)
        if membership.role == Role.ADMIN:
            _check_other_admin(membership)
        membership.delete()
        before = {"role": membership.role}
        record(game, "member.removed", target=membership.user.email, by=by, now=now, before=before)
    return membership.user


def _lock_member(game: Game, user_id: int) -> Membership:
    # The game is locked, so that two admins cannot remove one another at once and leave none.
    Game.objects.select_for_update().get(pk=game.pk)
    membership = Membership.objects.select_related("user").filter(game=game, user_id=user_id).first()
    if membership is None:
        raise NotFound("This game has no such member.")
    return membership


def _check_other_admin(membership: Membership) -> None:
    others = Membership.objects.filter(game=membership.game, role=Role.ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise Conflict(LAST_ADMIN.format(email=membership.user.email))
