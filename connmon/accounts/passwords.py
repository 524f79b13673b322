"""One-time links to choose a new password, for installations and people without mail."""

from datetime import datetime

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.urls import reverse

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, Membership, Role, User
from connmon.core.errors import NotFound, NotPermitted


def issue_password_link(game: Game, *, user_id: int, admin: User, now: datetime) -> tuple[User, str]:
    """(the member, the path of a link with which they choose a new password). Raises NotFound, NotPermitted.

    Whoever has the link can take the account over, so an admin gets one only for people of whom they see everything
    as it is: members of no game but those that this admin administers.
    """
    with transaction.atomic():
        membership = Membership.objects.select_related("user").filter(game=game, user_id=user_id).first()
        if membership is None:
            raise NotFound("This game has no such member.")
        if not administers_all_of(admin, membership.user):
            raise NotPermitted(
                f"{membership.user.email} is in games that you are not an admin of. "
                "Whoever runs this installation makes the link: manage.py passwordlink."
            )
        target = membership.user.email
        record(game, "member.password_link", target=target, by=Actor.of_user(admin), now=now)
    return membership.user, make_path(membership.user)


def administers_all_of(admin: User, member: User) -> bool:
    """Whether `admin` is admin of every game of `member`, who does not run the installation."""
    if member.is_superuser and member != admin:
        return False
    own = Membership.objects.filter(user=admin, role=Role.ADMIN).values("game_id")
    return not Membership.objects.filter(user=member).exclude(game_id__in=own).exists()


def issue_by_command(user: User, *, second_factor_too: bool, now: datetime, by: Actor) -> str:
    """The path of a link for any user; `second_factor_too` takes their authenticator and recovery codes away."""
    with transaction.atomic():
        if second_factor_too:
            Authenticator.objects.filter(user=user).delete()
        after = {"second_factor": "removed" if second_factor_too else "kept"}
        record(None, "user.password_link", target=user.email, by=by, now=now, after=after)
    return make_path(user)


def make_path(user: User) -> str:
    """The link's path: good until it is used, the user logs in, or PASSWORD_RESET_TIMEOUT has passed."""
    key = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
