"""Links to read one page, and badges: made by admins, shown once, ended one by one or all at once."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from connmon.accounts.links import Shown, end_link, end_links, list_links, make_link
from dashboard import errors
from dashboard.access import Access, admin_page
from dashboard.confirmed import change_of, confirmed
from dashboard.link_forms import LinkForm, first_values
from dashboard.queries.configuration import suggested_services
from dashboard.shared import member_address, name_of

_change = change_of("links")


@dataclass(frozen=True, slots=True)
class Made:
    """A link as it is shown once. `markdown`: of a badge, with the way to the service's page."""

    url: str
    name: str
    markdown: str = ""


@require_safe
@admin_page
def links(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access, LinkForm(access.game, initial=first_values(request.GET)))


@never_cache
@_change
@confirmed
def make(request: HttpRequest, access: Access) -> HttpResponse:
    """Answers with the page itself: the link is kept nowhere to be shown later."""
    form = LinkForm(access.game, request.POST)
    made = errors.attempt(form, lambda: _make(request, access, form)) if form.is_valid() else None
    if made is None:
        return _page(request, access, form, status=422)
    return _page(request, access, LinkForm(access.game, initial=first_values(request.GET)), made)


@_change
def end_one(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Asks for no password: it is done in a hurry."""
    name = end_link(access.game, link_id=number, now=timezone.now(), by=access.actor)
    messages.success(request, f"The link to {name} is dead.")
    return redirect("links", slug=access.game.slug)


@_change
def end(request: HttpRequest, access: Access) -> HttpResponse:
    """Asks for no password: it is done in a hurry."""
    end_links(access.game, now=timezone.now(), by=access.actor)
    messages.success(request, "Every link and badge of this game is dead.")
    return redirect("links", slug=access.game.slug)


def _make(request: HttpRequest, access: Access, form: LinkForm) -> Made:
    chosen = form.cleaned_data
    shown, subject_id = chosen["shown"], chosen["subject_id"]
    name = name_of(access.game, shown, subject_id)
    token = make_link(
        access.game,
        shown,
        subject_id=subject_id,
        name=name,
        life=chosen["lasts"],
        now=timezone.now(),
        by=access.actor,
    )
    if shown is not Shown.BADGE:
        view = f"?{chosen['view']}" if chosen["view"] else ""
        return Made(request.build_absolute_uri(reverse("shared", args=[token]) + view), name)
    url = request.build_absolute_uri(reverse("badge", args=[token]))
    page = request.build_absolute_uri(member_address(access.game, shown, subject_id))
    return Made(url, name, f"[![Connections of {_plain(name)}]({url})]({page})")


def _plain(name: str) -> str:
    """A name without what Markdown would read."""
    return "".join(" " if one in "[]()<>`\\!*_|\r\n" else one for one in name)


def _page(
    request: HttpRequest, access: Access, form: LinkForm, made: Made | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "access": access,
        "nav": "setup",
        "form": form,
        "made": made,
        "open": list_links(access.game, now=timezone.now()),
        "services": suggested_services(access.game.pk),
    }
    return render(request, "pages/links.html", context, status=status)
