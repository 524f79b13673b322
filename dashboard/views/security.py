"""One's account: password, second factor, OpenID Connect, sessions. What allauth asks for is asked for by its views."""

import json
import logging
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.account import views as allauth_account
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal.flows.connect import disconnect as disconnect_account
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.openid_connect import views as allauth_oidc
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from requests.exceptions import RequestException

from connmon.accounts import post, sessions
from connmon.accounts.models import User
from connmon.core.errors import DomainError
from dashboard import errors
from dashboard.confirmed import confirmed
from dashboard.devices import name_device

LOG: Final = logging.getLogger("connmon.accounts")
SILENT_ISSUER: Final = "The log-in service did not answer as it should. Try again, or log in with your password."

# An address without a password, where a stolen session could otherwise put one.
set_password = confirmed(allauth_account.password_set)
# Nothing that holds the link's key may stay in a cache.
new_password = never_cache(allauth_account.password_reset_from_key)


def closed(request: HttpRequest, key: str = "") -> HttpResponse:
    """An address that allauth knows by name and that this site does not offer."""
    raise Http404


@never_cache
@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Everything about the account on one page."""
    user = _user(request)
    factors = dict(Authenticator.objects.filter(user=user).values_list("type", "created_at"))
    rows = sessions.list_sessions(user, current_key=request.session.session_key, now=timezone.now())
    codes = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    context = {
        "nav": "account",
        "user": user,
        "totp_since": factors.get(Authenticator.Type.TOTP),
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "sessions": [(row, name_device(row.user_agent)) for row in rows],
        "others": sum(not row.is_current for row in rows),
        "provider": _provider(request),
        "connected": SocialAccount.objects.filter(user=user).first(),
    }
    return render(request, "account/account.html", context)


@require_POST
@login_required
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    try:
        sessions.end_session(_user(request), session_id=session_id)
    except DomainError as error:
        return errors.answer(request, error)
    messages.success(request, "That session is ended.")
    return redirect("account")


@require_POST
@login_required
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    ended = sessions.end_all(_user(request), keep=request.session.session_key)
    messages.success(request, f"Ended: {ended}. You are logged in here only.")
    return redirect("account")


@require_http_methods(["GET", "HEAD", "POST"])
def reset_password(request: HttpRequest) -> HttpResponse:
    """By mail where there is mail; else it says who can help."""
    if post.can_send():
        answer: HttpResponse = allauth_account.password_reset(request)
        return answer
    return render(request, "account/password_reset_closed.html")


@require_POST
@login_required
@confirmed
def disconnect(request: HttpRequest) -> HttpResponse:
    """Takes the connection to OpenID Connect away, if a password remains."""
    connected = SocialAccount.objects.filter(user=_user(request)).first()
    if connected is None:
        return redirect("account")
    try:
        if not _user(request).has_usable_password():
            raise ValidationError("Set a password first: without one you could not log in any more.")
        disconnect_account(request, connected)
        messages.success(request, "Disconnected.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("account")


@require_POST
def oidc_login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sends the visitor to the log-in service, by a page that goes on by itself.

    A redirect in answer to the form would break the rule that forms go nowhere but to this site.
    """
    try:
        answer: HttpResponse = allauth_oidc.login(request, provider_id)
    except (RequestException, json.JSONDecodeError, KeyError) as error:
        LOG.warning("OpenID Connect: the issuer's configuration cannot be read: %r", error)
        return render(request, "account/refused.html", {"reason": SILENT_ISSUER}, status=502)
    target = answer.get("Location", "")
    if not urlsplit(target).netloc:
        return answer
    leaving = render(request, "account/leaving.html", {"target": target, "host": urlsplit(target).netloc})
    leaving["Refresh"] = f"0; url={target}"
    return leaving


def oidc_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The visitor comes back."""
    try:
        answer: HttpResponse = allauth_oidc.callback(request, provider_id)
        return answer
    except (json.JSONDecodeError, KeyError) as error:
        LOG.warning("OpenID Connect: the issuer's answer cannot be read: %r", error)
        return render(request, "account/refused.html", {"reason": SILENT_ISSUER}, status=502)


def _provider(request: HttpRequest) -> Any:
    return next(iter(get_adapter().list_providers(request)), None)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before
    return request.user
