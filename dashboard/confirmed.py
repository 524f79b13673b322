"""Views that ask for the password first, unless it was given within a quarter of an hour."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from allauth.account.decorators import reauthentication_required
from allauth.decorators import rate_limit
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from dashboard.access import admin_page

P = ParamSpec("P")
View = Callable[..., HttpResponse]


def confirmed(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """After the password the request goes on as it was, a POST with all that it carried."""
    guarded: Callable[P, HttpResponse] = reauthentication_required(view)
    return guarded


def change_of(page: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """A change by admins, by POST. Whoever comes by GET, from a password asked in between, gets the game's `page`."""

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        guarded = admin_page(view)

        @wraps(view)
        def change(request: HttpRequest, slug: str, **kwargs: int | str) -> HttpResponseBase:
            if request.method != "POST":
                return redirect(page, slug=slug)
            return guarded(request, slug, **kwargs)

        return change

    return decorate


def limited(action: str) -> Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]]:
    """At most as often as ACCOUNT_RATE_LIMITS says of `action`; else 429."""
    limit: Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]] = rate_limit(action=action)
    return limit
