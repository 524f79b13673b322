"""Leaks: the ledger, one leak with its evidence, and what people do about it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connmon.core.errors import Invalid
from connmon.leaks.actions import assign_leak, ignore_leak, link_leak
from connmon.leaks.models import Leak
from connmon.leaks.queries import count_leaks, find_leak
from connmon.leaks.states import LedgerState, Rung
from dashboard import errors
from dashboard.access import Access, approver_page, member_page, planner_page
from dashboard.addresses import leaks_query
from dashboard.leak_forms import SPANS, AssignForm, IgnoreForm, LinkForm
from dashboard.queries.leaks import leak_events, leak_page, leaks_page, member_emails, tidiness_lately
from dashboard.queries.migration import leak_source


@require_safe
@member_page
def leaks(request: HttpRequest, access: Access) -> HttpResponse:
    context = _ledger(request, access)
    context |= {
        "nav": "leaks",
        "rungs": [rung.value for rung in Rung],
        "states": [state.value for state in LedgerState],
        "counts": count_leaks(access.game.pk, now=timezone.now()),
        "tidiness": tidiness_lately(access.game.pk, now=timezone.now()),
    }
    return render(request, "pages/leaks.html", context)


@require_safe
@member_page
def leaks_table(request: HttpRequest, access: Access) -> HttpResponse:
    return render(request, "parts/leaks.html", _ledger(request, access))


def _ledger(request: HttpRequest, access: Access) -> dict[str, Any]:
    query = leaks_query(request.GET)
    return {"access": access, "query": query, "page": leaks_page(access.game.pk, query, now=timezone.now())}


@require_safe
@member_page
def leak(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    found = find_leak(access.game.pk, number)
    context: dict[str, Any] = {
        "access": access,
        "nav": "leaks",
        "leak": found,
        "page": leak_page(found, now=timezone.now()),
        "events": leak_events(found),
        "source": leak_source(found),
        "spans": list(SPANS),
    }
    if access.may_plan:
        email = found.assignee.email if found.assignee else ""
        context["assign_form"] = AssignForm(member_emails(access.game.pk), initial={"email": email})
        context["link_form"] = LinkForm(initial={"link": found.link})
    return render(request, "pages/leak.html", context)


@require_POST
@planner_page
def assign(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Gives a leak to a member, or to nobody."""
    form = AssignForm(member_emails(access.game.pk), request.POST)
    return _act(request, access, number, form, "Assigned.", lambda: _assign(access, number, form))


@require_POST
@planner_page
def link(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Notes a ticket or commit."""
    form = LinkForm(request.POST)
    return _act(request, access, number, form, "The link is kept.", lambda: _link(access, number, form))


@require_POST
@approver_page
def ignore(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Raises no alarm for a leak for a time, or again at once."""
    form = IgnoreForm(request.POST)
    told = "Ignored: it is shown and raises no alarm." if request.POST.get("span") else "It raises alarms again."
    return _act(request, access, number, form, told, lambda: _ignore(access, number, form))


def _assign(access: Access, number: int, form: AssignForm) -> Leak:
    email = form.cleaned_data["email"]
    return assign_leak(access.game, number, email=email, by=access.actor, now=timezone.now())


def _link(access: Access, number: int, form: LinkForm) -> Leak:
    address = form.cleaned_data["link"]
    return link_leak(access.game, number, link=address, by=access.actor, now=timezone.now())


def _ignore(access: Access, number: int, form: IgnoreForm) -> Leak:
    now = timezone.now()
    return ignore_leak(access.game, number, until=form.until(now), by=access.actor, now=now)


def _act(
    request: HttpRequest, access: Access, number: int, form: forms.Form, told: str, act: Callable[[], Leak]
) -> HttpResponse:
    """One change, told on the leak's page; a form that nobody filled in by hand has nothing to correct."""
    if errors.tell(request, lambda: _valid(form) and act()):
        messages.success(request, told)
    return redirect("leak", slug=access.game.slug, number=number)


def _valid(form: forms.Form) -> bool:
    if not form.is_valid():
        raise Invalid("Choose from what the page offers.")
    return True
