"""What people and programs do with plans: one transaction with its audit entry, states changed by compare-and-set.

What happens by itself afterwards is in steps.py.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import connection, transaction

from connmon.accounts.audit import MAX_REASON, Actor, record
from connmon.accounts.models import Game
from connmon.cleanup import statements as sql
from connmon.cleanup.models import Plan, Request
from connmon.cleanup.preview import count_scope
from connmon.cleanup.queries import find_plan
from connmon.cleanup.scope import EVERYTHING, Scope
from connmon.cleanup.states import Origin, PlanState
from connmon.configuration.queries import current
from connmon.configuration.schema import OPERATIONS
from connmon.core.errors import Conflict, Invalid, NotPermitted

PLAN_LIFE: Final = timedelta(minutes=15)  # then the dry run is too old to be believed
HOLD: Final = timedelta(seconds=10)  # to take it back
MAX_RATE: Final = 10_000.0  # servers a second


def make_plan(
    game: Game,
    scope: Scope,
    *,
    reason: str,
    by: Actor,
    now: datetime,
    origin: Origin = Origin.MANUAL,
    canary: bool = True,
    servers_per_second: float | None = None,
    summary: dict[str, Any] | None = None,
) -> Plan:
    """A dry run, kept for PLAN_LIFE. Changes nothing on any server. Raises Invalid.

    `summary`: what count_scope has just counted, where that is known.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise Invalid(f"A plan takes a reason of 1 to {MAX_REASON} characters.")
    if servers_per_second is None:
        servers_per_second = current(game.pk).get(OPERATIONS, "SERVERS_PER_SECOND")
    if not 0.1 <= servers_per_second <= MAX_RATE:
        raise Invalid(f"servers_per_second is 0.1 to {MAX_RATE:,.0f}.")
    with transaction.atomic():
        summary = summary or count_scope(game.pk, scope, now=now)
        plan = Plan.objects.create(
            game=game,
            origin=origin.value,
            scope=scope.to_json(),
            reason=reason,
            state=PlanState.PLANNED.value,
            created_at=now,
            created_kind=by.kind,
            created_by_id=by.id,
            created_by=by.label,
            next_at=now + PLAN_LIFE,
            summary=summary,
            planned=summary["connections"],
            canary=canary,
            servers_per_second=servers_per_second,
        )
        after = {"scope": plan.scope, "origin": plan.origin, **_size(summary)}
        record(game, "plan.made", target=_name(plan), by=by, now=now, after=after, reason=reason)
    return plan


def execute_plan(game: Game, plan_id: int, *, by: Actor, now: datetime, hold: timedelta = HOLD) -> Plan:
    """Lets a plan run after `hold`. Raises NotFound, NotPermitted (second person), Conflict (not planned any more)."""
    plan = find_plan(game.pk, plan_id)
    if current(game.pk).get(OPERATIONS, "SECOND_PERSON") and (by.kind, by.id) == (
        plan.created_kind,
        plan.created_by_id,
    ):
        raise NotPermitted("This game wants a second person: somebody else has to execute the plan that you made.")
    with transaction.atomic():
        _hold(plan, by=by, now=now, hold=hold)
    return find_plan(game.pk, plan_id)


def _hold(plan: Plan, *, by: Actor, now: datetime, hold: timedelta) -> None:
    if not timedelta(0) <= hold <= timedelta(seconds=60):
        raise Invalid("A hold is 0 to 60 seconds.")
    moved = Plan.objects.filter(pk=plan.pk, state=PlanState.PLANNED, next_at__gt=now).update(
        state=PlanState.HELD.value,
        next_at=now + hold,
        executed_kind=by.kind,
        executed_by_id=by.id,
        executed_by=by.label,
    )
    if not moved:
        plan.refresh_from_db()
        raise Conflict(_too_late(plan, now, "executed"))
    after = {"hold_s": hold.total_seconds(), **_size(plan.summary)}
    record(plan.game, "plan.executed", target=_name(plan), by=by, now=now, after=after, reason=plan.reason)


def undo_plan(game: Game, plan_id: int, *, by: Actor, now: datetime) -> Plan:
    """Takes an executed plan back while it is held; nothing was sent. Raises NotFound, Conflict (it runs already)."""
    plan = find_plan(game.pk, plan_id)
    with transaction.atomic():
        moved = Plan.objects.filter(pk=plan.pk, state=PlanState.HELD).update(
            state=PlanState.UNDONE.value, finished_at=now, detail=f"Taken back by {by.label}."[:300]
        )
        if not moved:
            plan.refresh_from_db()
            raise Conflict(_too_late(plan, now, "taken back"))
        record(game, "plan.undone", target=_name(plan), by=by, now=now)
    return find_plan(game.pk, plan_id)


def abort_plan(game: Game, plan_id: int, *, by: Actor, now: datetime, why: str = "") -> Plan:
    """Stops a running plan: what has not gone out never will. What has gone out still tells its outcome.

    Raises NotFound, Conflict (it does not run).
    """
    plan = find_plan(game.pk, plan_id)
    with transaction.atomic():
        if not stop_running(plan, by=by, now=now, why=why or f"Stopped by {by.label}."):
            plan.refresh_from_db()
            raise Conflict(_too_late(plan, now, "stopped"))
    return find_plan(game.pk, plan_id)


def stop_running(plan: Plan, *, by: Actor, now: datetime, why: str) -> bool:
    """Inside a transaction: running → aborted, its orders cancelled; False if it does not run any more."""
    moved = Plan.objects.filter(pk=plan.pk, state=PlanState.RUNNING).update(
        state=PlanState.ABORTED.value, detail=why[:300], finished_at=now
    )
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(sql.CANCEL, {"plan": plan.pk, "now": now})
            after = {"orders_cancelled": cursor.rowcount}
        record(plan.game, "plan.aborted", target=_name(plan), by=by, now=now, after=after, reason=why)
    return bool(moved)


def declare_emergency(
    game: Game,
    *,
    reason: str,
    by: Actor,
    now: datetime,
    scope: Scope = EVERYTHING,
    hold: timedelta = HOLD,
    canary: bool = True,
    servers_per_second: float = MAX_RATE,
) -> Plan:
    """Plans and executes in one step: after the hold and the canary all servers at once, if the pace allows.

    Raises Invalid, NotPermitted (the game wants a second person).
    """
    if current(game.pk).get(OPERATIONS, "SECOND_PERSON"):
        raise NotPermitted(
            'This game wants a second person: make a plan of {"everything": true} and have somebody else execute it.'
        )
    with transaction.atomic():
        plan = make_plan(
            game,
            scope,
            reason=reason,
            by=by,
            now=now,
            origin=Origin.EMERGENCY,
            canary=canary,
            servers_per_second=servers_per_second,
        )
        _hold(plan, by=by, now=now, hold=hold)
    return find_plan(game.pk, plan.pk)


def run_automatic(game: Game, scope: Scope, *, origin: Origin, reason: str, job: str, now: datetime) -> Plan | None:
    """A plan of connmon's own that runs at once; None if there is nothing to close.

    Raises IntegrityError if one of that origin is under way; the caller's transaction is lost then.
    """
    by = Actor.of_job(job)
    summary = count_scope(game.pk, scope, now=now)
    if not summary["connections"]:
        return None
    plan = make_plan(game, scope, reason=reason, by=by, now=now, origin=origin, summary=summary)
    _hold(plan, by=by, now=now, hold=timedelta(0))
    return plan


def once(game: Game, *, key: str, asked: dict[str, Any], now: datetime, act: Callable[[], Plan]) -> Plan:
    """`act`, or if `key` was used for the same before, the plan that it led to. Raises Conflict (used for another)."""
    if not 1 <= len(key) <= 128 or not key.isprintable():
        raise Invalid("An Idempotency-Key has 1 to 128 printable characters.")
    digest = hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).digest()
    with transaction.atomic():
        # Locked, so that of two requests with one key the second waits and finds what the first has done.
        Game.objects.select_for_update(no_key=True).get(pk=game.pk)
        known = Request.objects.select_related("plan").filter(game=game, key=key).first()
        if known is None:
            plan = act()
            Request.objects.create(game=game, key=key, digest=digest, plan=plan, at=now)
            return plan
        if bytes(known.digest) != digest:
            raise Conflict("This Idempotency-Key was used for another request; take a new one.")
        return known.plan


def _too_late(plan: Plan, now: datetime, what: str) -> str:
    if plan.state == PlanState.PLANNED and plan.next_at <= now:
        return f"Plan {plan.pk} has expired: make a new one, the old count says nothing any more."
    because = f" {plan.detail}" if plan.detail else ""
    return f"Plan {plan.pk} is {plan.state} and cannot be {what}.{because}"


def _name(plan: Plan) -> str:
    return f"plan {plan.pk}"


def _size(summary: dict[str, Any]) -> dict[str, int]:
    return {name: summary[name] for name in ("connections", "servers", "players")}
