"""Destinations of alerts: who is told, a test, and what became of each message."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connmon.alerts.destinations import (
    change_destination,
    create_destination,
    delete_destination,
    retry_delivery,
    send_test,
)
from connmon.alerts.queries import find_destination, list_destinations
from dashboard import errors
from dashboard.access import Access, admin_page, member_page
from dashboard.addresses import cursor, delivery_state
from dashboard.alert_forms import DestinationChangeForm, DestinationForm
from dashboard.alert_words import DESTINATIONS
from dashboard.queries import alerts as queries


@require_safe
@member_page
def destinations(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access, DestinationForm())


@sensitive_post_parameters("address", "secret")
@never_cache
@require_POST
@admin_page
def create(request: HttpRequest, access: Access) -> HttpResponse:
    """Answers with the page itself, not a redirect: the secret is shown this once."""
    form = DestinationForm(request.POST)
    made = None
    if form.is_valid():
        spec = form.spec()
        made = errors.attempt(form, lambda: create_destination(access.game, spec, by=access.actor, now=timezone.now()))
        if made is not None:
            return _page(request, access, DestinationForm(), made=made.name, secret=spec.secret)
    return _page(request, access, form, status=422)


@sensitive_post_parameters("address", "secret")
@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def edit(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    known = find_destination(access.game.pk, number)
    form = DestinationChangeForm(known, request.POST or None)
    if form.is_valid():
        changed = errors.attempt(
            form, lambda: change_destination(access.game, number, form.changes(), by=access.actor, now=timezone.now())
        )
        if changed is not None:
            messages.success(request, f"The destination {changed.name} is changed.")
            return redirect("destinations", slug=access.game.slug)
    context = {"access": access, "nav": "alerts", "form": form, "destination": known}
    return render(request, "pages/destination.html", context, status=422 if form.errors else 200)


@require_POST
@admin_page
def remove(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    name = find_destination(access.game.pk, number).name
    delete_destination(access.game, number, by=access.actor, now=timezone.now())
    messages.success(request, f"The destination {name} is removed.")
    return redirect("destinations", slug=access.game.slug)


@require_POST
@admin_page
def test(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Sends a test message; its row tells what became of it."""
    delivery = errors.tell(request, lambda: send_test(access.game, number, by=access.actor, now=timezone.now()))
    if delivery is not None:
        name = delivery.destination.name
        messages.success(request, f"A test is on its way to {name}; its line below says what became of it.")
    return redirect("destinations", slug=access.game.slug)


@require_POST
@admin_page
def retry(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Sends a dead letter once more."""
    errors.tell(request, lambda: retry_delivery(access.game, number, by=access.actor, now=timezone.now()))
    return redirect("destinations", slug=access.game.slug)


def _page(
    request: HttpRequest,
    access: Access,
    form: DestinationForm,
    *,
    made: str = "",
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    wanted, place = delivery_state(request.GET), cursor(request.GET)
    context: dict[str, Any] = {
        "access": access,
        "nav": "alerts",
        "tab": "destinations",
        "live": "destinations",
        "form": form,
        "made": made,
        "secret": secret,
        "destinations": [(one, DESTINATIONS[one.kind]) for one in list_destinations(access.game.pk)],  # type: ignore[index]
        "deliveries": queries.deliveries_page(access.game, state=wanted, cursor=place),
        "wanted": wanted,
        "is_first_page": not (wanted or place.after or place.before),
    }
    return render(request, "pages/destinations.html", context, status=status)
