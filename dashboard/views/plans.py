"""One plan: its dry run, letting it run, taking it back, stopping it, and what became of each server."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connmon.cleanup.actions import abort_plan, execute_plan, undo_plan
from connmon.cleanup.models import Plan
from connmon.cleanup.queries import find_plan
from connmon.cleanup.scope import read_scope
from connmon.cleanup.states import OrderState, Origin, PlanState
from dashboard import errors
from dashboard.access import Access, approver_page, member_page
from dashboard.addresses import order_state, outcome, page_number
from dashboard.cleanup_forms import NamedForm, StopForm, scope_query
from dashboard.cleanup_words import ORIGINS, describe, question
from dashboard.queries import plans as queries
from dashboard.queries.cleanup import names_of
from dashboard.views.cleanup import wants_second_person


@require_safe
@member_page
def plan(request: HttpRequest, access: Access, plan_id: int) -> HttpResponse:
    return _page(request, access, find_plan(access.game.pk, plan_id), NamedForm(access.game))


@require_POST
@approver_page
def execute(request: HttpRequest, access: Access, plan_id: int) -> HttpResponse:
    """Lets it run after the hold, once the game's name is typed."""
    known = find_plan(access.game.pk, plan_id)
    form = NamedForm(access.game, request.POST)
    if not form.is_valid():
        return _page(request, access, known, form, status=422)
    return _act(request, access, known, lambda now: execute_plan(access.game, plan_id, by=access.actor, now=now))


@require_POST
@approver_page
def undo(request: HttpRequest, access: Access, plan_id: int) -> HttpResponse:
    """Takes it back while it is held."""
    known = find_plan(access.game.pk, plan_id)
    return _act(request, access, known, lambda now: undo_plan(access.game, plan_id, by=access.actor, now=now))


@require_POST
@approver_page
def stop(request: HttpRequest, access: Access, plan_id: int) -> HttpResponse:
    """Stops what runs: what has not gone out never will."""
    known = find_plan(access.game.pk, plan_id)
    form = StopForm(request.POST)
    why = form.cleaned_data["reason"] if form.is_valid() else ""
    stopped = f"Stopped by {access.actor.label}: {why}" if why else ""
    return _act(
        request, access, known, lambda now: abort_plan(access.game, plan_id, by=access.actor, now=now, why=stopped)
    )


@require_safe
@member_page
def plan_servers(request: HttpRequest, access: Access, plan_id: int) -> HttpResponse:
    known = find_plan(access.game.pk, plan_id)
    servers = queries.plan_servers(known, state=order_state(request.GET), page=page_number(request.GET))
    context = _named(access, known) | {"servers": servers, "states": list(OrderState)}
    return render(request, "pages/plan_servers.html", context)


@require_safe
@member_page
def plan_server(request: HttpRequest, access: Access, plan_id: int, server_id: int) -> HttpResponse:
    known = find_plan(access.game.pk, plan_id)
    wanted = outcome(request.GET)
    found = queries.server_outcomes(known, server_id, outcome=wanted, page=page_number(request.GET))
    context = _named(access, known) | {
        "found": found,
        "server_id": server_id,
        "outcome": wanted,
        "outcomes": queries.OUTCOMES,
    }
    return render(request, "pages/plan_server.html", context)


def _act(request: HttpRequest, access: Access, known: Plan, act: Callable[[datetime], Plan]) -> HttpResponse:
    """Does it and shows the plan; when somebody was faster the plan's page says so."""
    errors.tell(request, lambda: act(timezone.now()))
    return redirect("plan", slug=access.game.slug, plan_id=known.pk)


def _named(access: Access, known: Plan) -> dict[str, Any]:
    scope = read_scope(known.scope)
    names = names_of(access.game.pk, scope.servers)
    return {"access": access, "nav": "cleanup", "plan": known, "what": describe(scope, names), "scope": scope}


def _page(request: HttpRequest, access: Access, known: Plan, form: NamedForm, status: int = 200) -> HttpResponse:
    context = _named(access, known)
    scope = context["scope"]
    summary = known.summary
    own = (known.created_kind, known.created_by_id) == (access.actor.kind, access.actor.id)
    context |= {
        "live": f"plan:{known.pk}",
        "state": queries.live_of(known),
        "now": timezone.now(),
        "form": form,
        "stop_form": StopForm(),
        "question": question(scope, connections=known.planned, servers=summary["servers"]),
        "origin": ORIGINS[Origin(known.origin)],
        "again": scope_query(scope) if known.origin in {Origin.MANUAL, Origin.EMERGENCY} else "",
        "needs_another": known.state == PlanState.PLANNED and own and wants_second_person(access),
        "breakdown": queries.breakdown(summary),
    }
    return render(request, "pages/plan.html", context, status=status)
