"""Logs a visitor in whose password was chosen a moment ago, as the log-in page would."""

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.http import HttpRequest, HttpResponse

from connmon.accounts.models import User


def log_in(request: HttpRequest, user: User, *, to: str | None = None) -> HttpResponse:
    """The redirect that follows: to the path `to`, or to the user's games."""
    record_authentication(request, user, "password", email=user.email, reauthenticated=True)
    answer: HttpResponse = perform_login(request, Login(user=user, redirect_url=to, signup=True))
    return answer
