"""Outcomes of orders, as they came with reports, to what they mean for the orders."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from connmon.cleanup.models import Order
from connmon.cleanup.rules import Ordered, Said, Settlement, Verdict, judge, settle
from connmon.cleanup.states import OrderState
from connmon.registry.models import OrderOutcome

BATCH: Final = 200  # outcomes in one transaction
KEPT: Final = timedelta(days=7)  # settled outcomes, to look up what an agent said


def settle_outcomes(*, now: datetime) -> bool:
    """Settles what has come, oldest first, BATCH at most; whether there was anything."""
    with transaction.atomic():
        # Locked so that two workers do not settle one outcome twice; skipped so that none waits for the other.
        unsettled = OrderOutcome.objects.select_for_update(skip_locked=True).filter(settled_at=None)
        said = list(unsettled.order_by("id")[:BATCH])
        orders = Order.objects.defer("opened_at", "service_ids").in_bulk({outcome.order_id for outcome in said})
        for outcome in said:
            outcome.verdict = _apply(orders.get(outcome.order_id), outcome, now=now)
            outcome.settled_at = now
        OrderOutcome.objects.bulk_update(said, ["verdict", "settled_at"])
    return bool(said)


def _apply(order: Order | None, outcome: OrderOutcome, *, now: datetime) -> Verdict:
    said = Said(outcome.server_id, outcome.status, outcome.closed, outcome.gone, outcome.changed, outcome.detail)
    known = Ordered(order.server_id, OrderState(order.state), order.connection_ids) if order else None
    verdict = judge(known, said)
    if order is None or verdict not in {Verdict.APPLIED, Verdict.LATE}:
        return verdict
    settlement = settle(order.connection_ids, said)
    if verdict is Verdict.LATE:
        return verdict if _keep_late(order, settlement) else Verdict.TWICE
    states = (OrderState.SENT, OrderState.PENDING)
    return verdict if _write(order, settlement, settlement.state, states, now) else Verdict.TWICE


def _keep_late(order: Order, settlement: Settlement) -> bool:
    """The first late outcome is kept for people; the order stays expired."""
    if order.closed or order.gone or order.changed:
        return False
    late = Settlement(
        OrderState.EXPIRED,
        settlement.closed,
        settlement.gone,
        settlement.changed,
        settlement.failed,
        f"Told its outcome too late. {settlement.detail}".strip(),
    )
    return _write(order, late, OrderState.EXPIRED, (OrderState.EXPIRED,), None)


def _write(
    order: Order, found: Settlement, state: OrderState, expected: Iterable[OrderState], now: datetime | None
) -> bool:
    """Compare-and-set; False if another outcome was faster."""
    finished = {} if now is None else {"finished_at": now}
    moved = Order.objects.filter(pk=order.pk, state__in=list(expected)).update(
        state=state.value,
        closed=found.closed,
        gone=found.gone,
        changed=found.changed,
        failed=found.failed,
        detail=found.detail,
        **finished,
    )
    if moved:
        order.state, order.closed, order.gone, order.changed = state.value, found.closed, found.gone, found.changed
    return bool(moved)


def drop_settled(*, now: datetime) -> int:
    """Deletes outcomes settled longer ago than KEPT; returns how many."""
    deleted, _ = OrderOutcome.objects.filter(settled_at__lt=now - KEPT).delete()
    return deleted
