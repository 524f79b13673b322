"""Views that ask for the password first, unless it was given within a quarter of an hour."""

from collections.abc import Callable
from typing import ParamSpec

from allauth.account.decorators import reauthentication_required
from allauth.decorators import rate_limit
from django.http import HttpResponse

P = ParamSpec("P")


def confirmed(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """After the password the request goes on as it was, a POST with all that it carried."""
    guarded: Callable[P, HttpResponse] = reauthentication_required(view)
    return guarded


def limited(action: str) -> Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]]:
    """At most as often as ACCOUNT_RATE_LIMITS says of `action`; else 429."""
    limit: Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]] = rate_limit(action=action)
    return limit
