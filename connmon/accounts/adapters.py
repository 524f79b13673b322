"""How allauth, which logs people in, meets this project: nobody signs up freely, secrets are sealed, mail waits."""

from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from connmon.accounts import invitations, post, sessions
from connmon.accounts.addresses import find_by_verified, note_verified
from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Invitation, User
from connmon.core.errors import DomainError
from connmon.core.sealing import seal, unseal

INVITATION: Final = "invitation"  # in a visitor's session: the number of the invitation whose link they opened
NO_ADDRESS: Final = "::"  # the client's, if it came over a unix socket and no proxy named it
MISMATCH: Final = "The e-mail address or the password is not right."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts, passwords and mail."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": MISMATCH,
        "too_many_login_attempts": "Too many attempts. Wait five minutes, then try again.",
        "incorrect_password": "The password is not right.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that `core/proxies.py` has found; forwarded headers are not read again here."""
        return request.META.get("REMOTE_ADDR") or NO_ADDRESS

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        post.send_soon(self.render_mail(template_prefix, email, context))

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Also ends every other session, so that open sockets close and whoever stole one is out."""
        assert isinstance(user, User)
        request = context.request
        is_own = request.user.is_authenticated and request.user.pk == user.pk
        with transaction.atomic():
            super().set_password(user, password)
            sessions.end_all(user, keep=request.session.session_key if is_own else None)
            record(None, "user.password", target=user.email, by=Actor.of_user(user), now=timezone.now())

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Second factors."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not right, or it was used before. Take the next one.",
    }

    def get_totp_issuer(self) -> str:
        return f"connmon ({context.request.get_host()})"

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """OpenID Connect: into the account it was connected to, the one with that verified address, or by invitation."""

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """The account whose own, verified address the issuer vouches for. An unverified one could be anybody's."""
        email = vouched_email(sociallogin)
        user = find_by_verified(email) if email else None
        return (user, email) if user else None

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Turns away whoever has neither an account here nor an invitation, with what to do about it."""
        if sociallogin.is_existing or sociallogin.state.get("process") == "connect":
            return
        if reason := _why_not(request, vouched_email(sociallogin)):
            raise ImmediateHttpResponse(_refusal(request, reason))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return _invitation(request) is not None

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """The new account joins in the same transaction: no account without its invitation used up."""
        invitation, now = _invitation(request), timezone.now()
        user = sociallogin.user
        assert isinstance(user, User)
        user.email = vouched_email(sociallogin)
        sociallogin.email_addresses = []
        try:
            if invitation is None:
                raise ImmediateHttpResponse(_refusal(request, invitations.GONE))
            with transaction.atomic():
                super().save_user(request, sociallogin, form)
                by = Actor.of_user(user)
                record(None, "user.created", target=user.email, by=by, now=now, reason="by invitation, OpenID Connect")
                invitations.accept(invitation, user=user, now=now)
                note_verified(user)
        except DomainError as error:
            raise ImmediateHttpResponse(_refusal(request, str(error))) from None
        return user


def vouched_email(sociallogin: SocialLogin) -> str:
    """The address that the issuer says is verified, in lower case, or "". Some issuers send the word "true"."""
    vouched = (found for found in sociallogin.email_addresses if str(found.verified).lower() == "true")
    return next((found.email.lower() for found in vouched), "")


def _why_not(request: HttpRequest, email: str) -> str:
    if not email:
        return "The log-in service vouches for no e-mail address of yours. Verify it there, then try again."
    if User.objects.filter(email=email).exists():
        return f"There is an account {email} here. Log in with its password, then connect the two under Account."
    invitation = _invitation(request)
    if invitation is None:
        return f"There is no account for {email} here. Ask an admin of your game for an invitation."
    if invitation.email and invitation.email != email:
        return f"Your invitation is for {invitation.email}, and the log-in service knows you as {email}."
    return ""


def _invitation(request: HttpRequest) -> Invitation | None:
    number = request.session.get(INVITATION)
    return invitations.find_open(number, now=timezone.now()) if isinstance(number, int) else None


def _refusal(request: HttpRequest, reason: str) -> Any:
    return render(request, "account/refused.html", {"reason": reason}, status=403)
