"""Cleanup: plans and their history, a new one, letting one run, and the emergency."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connmon.cleanup.actions import declare_emergency, make_plan, once
from connmon.cleanup.models import Plan
from connmon.cleanup.sweep import sweep_now
from connmon.configuration.queries import current
from connmon.configuration.schema import OPERATIONS
from connmon.core.errors import NotPermitted
from dashboard import errors
from dashboard.access import Access, approver_page, member_page, planner_page
from dashboard.addresses import plans_query
from dashboard.cleanup_forms import EmergencyForm, PlanForm
from dashboard.cleanup_words import ORIGINS
from dashboard.queries import cleanup as queries
from dashboard.queries.configuration import suggested_services
from dashboard.queries.services import fleet_sums


@require_safe
@member_page
def cleanup(request: HttpRequest, access: Access) -> HttpResponse:
    context = _plans(request, access)
    context |= {
        "nav": "cleanup",
        "live": "cleanup",
        "origins": [(origin.value, word) for origin, word in ORIGINS.items()],
        "sweeps": queries.newest_sweeps(access.game.pk),
    }
    return render(request, "pages/cleanup.html", context)


@require_safe
@member_page
def cleanup_table(request: HttpRequest, access: Access) -> HttpResponse:
    return render(request, "parts/plans.html", _plans(request, access))


@require_http_methods(["GET", "HEAD", "POST"])
@planner_page
def new_plan(request: HttpRequest, access: Access) -> HttpResponse:
    """The scope, filled in from the address; its dry run is a plan with a page of its own."""
    form = PlanForm(access.game, request.POST or None, asked=request.GET)
    if form.is_valid():
        plan = errors.attempt(form, lambda: _make(access, form))
        if plan is not None:
            return redirect("plan", slug=access.game.slug, plan_id=plan.pk)
    context = {
        "access": access,
        "nav": "cleanup",
        "form": form,
        "services": suggested_services(access.game.pk),
        "pace": current(access.game.pk).get(OPERATIONS, "SERVERS_PER_SECOND"),
    }
    return render(request, "pages/new_plan.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@approver_page
def emergency(request: HttpRequest, access: Access) -> HttpResponse:
    """Everything not essential, planned and executed in one step; the plan's page holds it for ten seconds."""
    now = timezone.now()
    alone = not wants_second_person(access)
    form = EmergencyForm(access.game, request.POST or None)
    if form.is_valid():
        if not alone:
            raise NotPermitted("This game wants a second person: make a plan, and have somebody else execute it.")
        plan = errors.attempt(form, lambda: _declare(access, form))
        if plan is not None:
            return redirect("plan", slug=access.game.slug, plan_id=plan.pk)
    context = {
        "access": access,
        "nav": "emergency",
        "form": form,
        "alone": alone,
        "fleet": fleet_sums(access.game.pk, now=now),
        "token": form.data.get("token") or secrets.token_hex(16),
    }
    return render(request, "pages/emergency.html", context, status=422 if form.errors else 200)


@require_POST
@approver_page
def sweep(request: HttpRequest, access: Access) -> HttpResponse:
    """A stale sweep, now."""
    swept = sweep_now(access.game, by=access.actor, now=timezone.now())
    if swept.skipped:
        messages.error(request, f"The sweep looked at nothing: {swept.skipped}")
    elif swept.plan is not None:
        return redirect("plan", slug=access.game.slug, plan_id=swept.plan.pk)
    else:
        messages.success(request, f"Swept: {swept.stale:,} stale connections, nothing ordered.")
    return redirect("cleanup", slug=access.game.slug)


def wants_second_person(access: Access) -> bool:
    return bool(current(access.game.pk).get(OPERATIONS, "SECOND_PERSON"))


def _plans(request: HttpRequest, access: Access) -> dict[str, Any]:
    query = plans_query(request.GET)
    return {"access": access, "query": query, "plans": queries.plans_page(access.game.pk, query)}


def _make(access: Access, form: PlanForm) -> Plan:
    chosen = form.cleaned_data
    return make_plan(
        access.game,
        chosen["scope"],
        reason=chosen["reason"],
        canary=chosen["canary"],
        servers_per_second=chosen["servers_per_second"],
        by=access.actor,
        now=timezone.now(),
    )


def _declare(access: Access, form: EmergencyForm) -> Plan:
    now = timezone.now()
    reason = form.cleaned_data["reason"]
    return once(
        access.game,
        key=f"page-{form.cleaned_data['token']}",
        asked={"reason": reason, "by": access.actor.id},
        now=now,
        act=lambda: declare_emergency(access.game, reason=reason, by=access.actor, now=now),
    )
