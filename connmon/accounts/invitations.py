"""Invitations: the right to join a game in a role, once, within a week. There is no other way to an account."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from connmon.accounts.actions import add_member, check_credentials
from connmon.accounts.addresses import note_verified
from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, Invitation, Membership, Role, User
from connmon.core import ids
from connmon.core.errors import Conflict, Invalid, NotFound

LIFE: Final = timedelta(days=7)
MOST_OPEN: Final = 100  # of one game: a bound on what one admin's session can make
GONE: Final = "This invitation was used or taken back, or it has expired. Ask an admin of the game for a new one."


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation and its token, which is kept nowhere."""

    invitation: Invitation
    token: str


def invite(game: Game, *, role: str, email: str = "", now: datetime, by: Actor) -> NewInvitation:
    """An invitation; with `email` only that person can use it. Raises Invalid, Conflict (too many are open)."""
    if role not in Role.values:
        raise Invalid(f"A role is one of {', '.join(Role.values)}.")
    email = _clean_email(email) if email else ""
    token = ids.new_token()
    with transaction.atomic():
        Game.objects.select_for_update().get(pk=game.pk)  # so that two at once cannot pass the bound
        if open_invitations(game, now=now).count() >= MOST_OPEN:
            raise Conflict(f"{MOST_OPEN} invitations are open. Take some back first.")
        if email and Membership.objects.filter(game=game, user__email=email).exists():
            raise Conflict(f"{email} is a member already.")
        invitation = Invitation.objects.create(
            game=game,
            digest=ids.digest(token),
            role=role,
            email=email,
            created_by=by.label[:254],
            created_at=now,
            expires_at=now + LIFE,
        )
        after = {"role": role, "expires_at": invitation.expires_at}
        record(game, "invitation.made", target=email or "whoever has the link", by=by, now=now, after=after)
    return NewInvitation(invitation, token)


def revoke_invitation(game: Game, *, invitation_id: int, now: datetime, by: Actor) -> None:
    """Takes an open invitation back; one that is used, expired or gone already stays as it is. Raises NotFound."""
    invitation = Invitation.objects.filter(game=game, pk=invitation_id).first()
    if invitation is None:
        raise NotFound("This game has no such invitation.")
    with transaction.atomic():
        if Invitation.objects.filter(_open(now), pk=invitation.pk).update(ended_at=now):
            before = {"role": invitation.role}
            record(game, "invitation.revoked", target=str(invitation), by=by, now=now, before=before)


def open_invitations(game: Game, *, now: datetime) -> QuerySet[Invitation]:
    """Those that somebody can still use, the newest first."""
    return Invitation.objects.filter(_open(now), game=game).order_by("-created_at", "-id")


def find_invitation(token: str, *, now: datetime) -> Invitation | None:
    """The open invitation of that token, with its game."""
    return Invitation.objects.select_related("game").filter(_open(now), digest=ids.digest(token)).first()


def find_open(invitation_id: int, *, now: datetime) -> Invitation | None:
    """The invitation of that number if it is still open: for a visitor who has shown its token before."""
    return Invitation.objects.select_related("game").filter(_open(now), pk=invitation_id).first()


def accept(invitation: Invitation, *, user: User, now: datetime) -> Membership:
    """The user joins. Raises Conflict (a member already), Invalid (meant for another address), NotFound (gone)."""
    if invitation.email and invitation.email != user.email:
        raise Invalid(f"This invitation is for {invitation.email}, and you are logged in as {user.email}.")
    with transaction.atomic():
        if Membership.objects.filter(game=invitation.game, user=user).exists():
            raise Conflict(f"You are in {invitation.game.name} already. The invitation stays open for somebody else.")
        if not Invitation.objects.filter(_open(now), pk=invitation.pk).update(ended_at=now):
            raise NotFound(GONE)
        by = Actor.of_user(user)
        after = {"role": invitation.role, "invited_by": invitation.created_by}
        record(invitation.game, "invitation.accepted", target=user.email, by=by, now=now, after=after)
        if invitation.email:  # it came by mail to this address and nobody else was shown it
            note_verified(user)
        return add_member(invitation.game, user=user, role=Role(invitation.role), now=now, by=by)


def sign_up(invitation: Invitation, *, email: str, password: str, now: datetime) -> User:
    """A new account that joins with the invitation. Raises Invalid, NotFound, and leaves no account then."""
    email = email.lower()
    check_credentials(email, password)
    if User.objects.filter(email=email).exists():
        raise Invalid("This address cannot be taken. If it is yours, log in to join.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
            record(None, "user.created", target=user.email, by=Actor.of_user(user), now=now, reason="by invitation")
            accept(invitation, user=user, now=now)
    except IntegrityError:  # the same address at the same moment
        raise Invalid("This address cannot be taken. If it is yours, log in to join.") from None
    return user


def _clean_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid("This is not an e-mail address.") from None
    return email


def _open(now: datetime) -> Q:
    return Q(ended_at=None, expires_at__gt=now)
