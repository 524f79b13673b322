"""Alerts: what fires, snoozing it, silences, and what fired before."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connmon.alerts.actions import create_silence, end_silence, snooze_alert
from connmon.alerts.models import Alert
from connmon.alerts.queries import list_rules, list_silences
from connmon.core.errors import Invalid
from dashboard import errors
from dashboard.access import Access, admin_page, member_page
from dashboard.addresses import cursor
from dashboard.alert_forms import SPANS, SilenceForm, SnoozeForm
from dashboard.alert_words import KINDS
from dashboard.queries import alerts as queries


@require_safe
@member_page
def alerts(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access)


@require_POST
@admin_page
def snooze(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Nobody is told of an alert for a time, or again at once."""
    alert = errors.tell(request, lambda: _snooze(access, number, SnoozeForm(request.POST), timezone.now()))
    if alert is not None:
        until = f"snoozed for {request.POST['span']}" if alert.snoozed_until else "not snoozed any more"
        messages.success(request, f"{alert.name} is {until}.")
    return redirect("alerts", slug=access.game.slug)


def _snooze(access: Access, number: int, form: SnoozeForm, now: datetime) -> Alert:
    if not form.is_valid():
        raise Invalid(f"A snooze lasts {', '.join(SPANS)}.")
    return snooze_alert(access.game, number, until=form.until(now), by=access.actor, now=now)


@require_POST
@admin_page
def silence(request: HttpRequest, access: Access) -> HttpResponse:
    """A new silence."""
    form = SilenceForm(list_rules(access.game.pk), request.POST)
    if form.is_valid():
        now = timezone.now()
        made = errors.attempt(form, lambda: create_silence(access.game, **form.values(now), by=access.actor, now=now))
        if made is not None:
            messages.success(request, "Silenced.")
            return redirect("alerts", slug=access.game.slug)
    return _page(request, access, form, status=422)


@require_POST
@admin_page
def unsilence(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Ends a silence."""
    ended = errors.tell(request, lambda: _end(access, number))
    if ended:
        messages.success(request, "The silence is over: what still fires is told now.")
    return redirect("alerts", slug=access.game.slug)


def _end(access: Access, number: int) -> bool:
    end_silence(access.game, number, by=access.actor, now=timezone.now())
    return True


def _page(request: HttpRequest, access: Access, form: SilenceForm | None = None, status: int = 200) -> HttpResponse:
    game_id, now = access.game.pk, timezone.now()
    context: dict[str, Any] = {
        "access": access,
        "nav": "alerts",
        "tab": "alerts",
        "live": "alerts",
        "now": now,
        "state": queries.alerts_live(game_id, now=now),
        "silences": [(one, KINDS.get(one.kind, "")) for one in list_silences(game_id, now=now)],  # type: ignore[call-overload]
        "history": queries.history_page(game_id, cursor(request.GET)),
        "spans": list(SPANS),
    }
    if access.is_admin:
        context["form"] = form or SilenceForm(list_rules(game_id))
    return render(request, "pages/alerts.html", context, status=status)
