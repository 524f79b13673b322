"""What plans do by themselves, a step at a time. Whoever has the time may call `step`: it is safe from many at once.

A step locks its plan and skips locked ones: two workers that look in the same moment take different plans, and one that
dies in the middle leaves the plan as it was.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Min

from connmon.accounts.audit import Actor, record
from connmon.cleanup import statements as sql
from connmon.cleanup.actions import stop_running
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.preview import scope_values
from connmon.cleanup.queries import plan_progress
from connmon.cleanup.rules import Progress, find_trouble, has_grown, next_release
from connmon.cleanup.scope import read_scope
from connmon.cleanup.settle import settle_outcomes
from connmon.cleanup.states import ACTIVE, Origin, PlanState
from connmon.registry import sweep as registry

CHUNK: Final = 1_000  # connections an order names: some 35 KB of an answer
SWEEP_MOST: Final = 100_000  # connections that one sweep orders; the next one takes the others
ORDER_LIFE: Final = 300.0  # seconds from a server's turn until its orders expire; agents back off for 60 at most
CANARY_PATIENCE: Final = timedelta(seconds=90)  # a report interval, a retry, and the report with the outcome
FAREWELL_GRACE: Final = 30.0  # seconds that a server which ended in an orderly way may still tell an outcome
RHYTHM: Final = timedelta(seconds=1)  # of a running plan
SETBACK: Final = timedelta(seconds=30)  # until a plan whose step failed is tried again
PLANS_KEPT: Final = timedelta(days=366)  # as long as the longest history
DROPPED: Final = 100  # plans forgotten in one statement, their orders with them
WATCH: Final = timedelta(minutes=5)
WATCH_RHYTHM: Final = timedelta(seconds=30)
JOB: Final = Actor.of_job("Cleanup")
_log = logging.getLogger("connmon.cleanup")


def step(*, now: datetime) -> bool:
    """Settles outcomes, ends orders nobody answered, and takes one due plan a step on; whether there was anything."""
    settled = settle_outcomes(now=now)
    expired = _expire_orders(now)
    return _step_plan(now) or settled or expired


def _expire_orders(now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.EXPIRE, {"now": now})
        return bool(cursor.rowcount > 0)


def _step_plan(now: datetime) -> bool:
    with transaction.atomic():
        due = Plan.objects.select_for_update(skip_locked=True, of=("self",)).select_related("game")
        plan = due.filter(state__in=ACTIVE, next_at__lte=now).order_by("next_at").first()
        if plan is None:
            return False
        try:
            with transaction.atomic():
                _take_on(plan, now)
        except Exception:  # a fault of ours in one plan must not hold up those of all games
            _log.exception("plan %d waits", plan.pk, extra={"game": plan.game_id})
            Plan.objects.filter(pk=plan.pk).update(next_at=now + SETBACK)
    return True


def _take_on(plan: Plan, now: datetime) -> None:
    match PlanState(plan.state):
        case PlanState.PLANNED:
            _forget(plan)
        case PlanState.HELD:
            _begin(plan, now)
        case PlanState.RUNNING:
            _go_on(plan, now)
        case PlanState.WATCHING:
            _watch(plan, now)


def _forget(plan: Plan) -> None:
    plan.state, plan.detail = PlanState.EXPIRED.value, "Nobody executed it in time."
    plan.save(update_fields=["state", "detail"])


def _begin(plan: Plan, now: datetime) -> None:
    """Counts again and makes the orders, in one statement; if there are too many, takes them back."""
    values = scope_values(plan.game_id, read_scope(plan.scope), now=now)
    point = transaction.savepoint()
    with connection.cursor() as cursor:
        most = SWEEP_MOST if plan.origin == Origin.SWEEP else None
        cursor.execute(sql.ORDER, values | {"plan": plan.pk, "chunk": CHUNK, "most": most})
        orders = cursor.fetchall()
    found = sum(count for _, count in orders)
    # What connmon itself orders was counted a moment ago under the same rule; growth is what it acts upon.
    if plan.origin in {Origin.MANUAL, Origin.EMERGENCY} and has_grown(planned=plan.planned, found=found):
        transaction.savepoint_rollback(point)
        plan.state, plan.finished_at = PlanState.ABORTED.value, now
        plan.detail = f"It grew from {plan.planned:,} to {found:,} connections since it was planned; look again."
        plan.save(update_fields=["state", "detail", "finished_at"])
        record(plan.game, "plan.aborted", target=f"plan {plan.pk}", by=JOB, now=now, reason=plan.detail)
        return
    plan.state, plan.started_at, plan.next_at = PlanState.RUNNING.value, now, now
    plan.ordered, plan.servers = found, len({server for server, _ in orders})
    plan.save(update_fields=["state", "started_at", "next_at", "ordered", "servers"])
    after = {"connections": found, "servers": plan.servers}
    record(plan.game, "plan.started", target=f"plan {plan.pk}", by=JOB, now=now, after=after)


def _go_on(plan: Plan, now: datetime) -> None:
    """Looks at the guards, then lets the next servers have their turn, or ends."""
    with connection.cursor() as cursor:
        cursor.execute(sql.END_WITH_SERVER, {"plan": plan.pk, "now": now, "grace": FAREWELL_GRACE})
        cursor.execute(sql.PROGRESS, {"plan": plan.pk, "now": now, "released": plan.released})
        progress = Progress(*map(int, cursor.fetchone()))
    going_on = plan.released < plan.servers or progress.answered < progress.servers
    trouble = _find_trouble(plan, progress, now) if going_on else ""
    if trouble:
        stop_running(plan, by=JOB, now=now, why=trouble)
    elif plan.released < plan.servers:
        _release(plan, progress, now)
    elif progress.answered == progress.servers:
        _finish(plan, now)
    else:
        _look_again(plan, now + RHYTHM)


def _find_trouble(plan: Plan, progress: Progress, now: datetime) -> str:
    """rules.find_trouble; silence that may be our own fault is held against nobody."""
    trouble = find_trouble(progress)
    if trouble and progress.silent and registry.find_why_not(report_interval=plan.game.report_interval, now=now):
        return find_trouble(replace(progress, silent=0))
    return trouble


def _release(plan: Plan, progress: Progress, now: datetime) -> None:
    if plan.canary and plan.released == 1 and progress.answered < 1:
        if now >= _canary_turn(plan) + CANARY_PATIENCE:
            seconds = CANARY_PATIENCE.total_seconds()
            stop_running(plan, by=JOB, now=now, why=f"The canary server did not answer within {seconds:.0f} s.")
        else:
            _look_again(plan, now + RHYTHM)
        return
    count = 1 if plan.canary and not plan.released else next_release(plan.servers_per_second, since=_since(plan, now))
    plan.released = min(plan.servers, plan.released + count)
    with connection.cursor() as cursor:
        cursor.execute(sql.RELEASE, {"plan": plan.pk, "now": now, "life": ORDER_LIFE, "released": plan.released})
        cursor.execute(sql.WAKE)
    plan.save(update_fields=["released"])
    _look_again(plan, now + max(RHYTHM, timedelta(seconds=1 / plan.servers_per_second)))


def _canary_turn(plan: Plan) -> datetime:
    """When the canary was given its orders; some time after the plan began if no worker was there."""
    expires_at: datetime = Order.objects.filter(plan=plan, place=0).aggregate(at=Min("expires_at"))["at"]
    return expires_at - timedelta(seconds=ORDER_LIFE)


def _since(plan: Plan, now: datetime) -> float:
    """Seconds that the pace counts for this release: those since the last look, a few at most after a pause."""
    return min(max((now - plan.next_at + RHYTHM).total_seconds(), 1.0), 5.0)


def _look_again(plan: Plan, at: datetime) -> None:
    plan.next_at = at
    plan.save(update_fields=["next_at"])


def _finish(plan: Plan, now: datetime) -> None:
    plan.state, plan.finished_at = PlanState.WATCHING.value, now
    plan.watched_until, plan.next_at = now + WATCH, now + WATCH_RHYTHM
    plan.save(update_fields=["state", "finished_at", "watched_until", "next_at"])
    told = plan_progress(plan)
    after = {name: told[name] for name in ("closed", "gone", "changed", "unclosed")}
    record(plan.game, "plan.finished", target=f"plan {plan.pk}", by=JOB, now=now, after=after)


def _watch(plan: Plan, now: datetime) -> None:
    assert plan.started_at is not None
    assert plan.watched_until is not None
    with connection.cursor() as cursor:
        cursor.execute(sql.CAME_BACK, {"plan": plan.pk, "since_s": plan.started_at.timestamp()})
    if now >= plan.watched_until:
        plan.state = PlanState.DONE.value
        plan.save(update_fields=["state"])
    else:
        _look_again(plan, min(now + WATCH_RHYTHM, plan.watched_until))


def drop_old_plans(*, now: datetime) -> int:
    """Deletes plans that were made longer ago than PLANS_KEPT and are over, with their orders; returns how many."""
    dropped = 0
    over = Plan.objects.filter(created_at__lt=now - PLANS_KEPT).exclude(state__in=ACTIVE).order_by("id")
    while ids := list(over.values_list("id", flat=True)[:DROPPED]):
        Plan.objects.filter(pk__in=ids).delete()
        dropped += len(ids)
    return dropped
