"""Reads of plans, orders, what came back, sweeps: for pages, the API and the command line. Always of one game."""

from typing import Any, Final, LiteralString

from django.db import connection
from django.db.models import QuerySet

from connmon.cleanup.models import Order, Plan, Sweep
from connmon.core.errors import NotFound
from connmon.registry.models import GameServer, Service

OUTCOMES: Final[LiteralString] = """
    SELECT count(*), count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'pending'),
           count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'done'),
           count(*) FILTER (WHERE state = 'refused'), count(*) FILTER (WHERE state = 'failed'),
           count(*) FILTER (WHERE state = 'expired'), count(*) FILTER (WHERE state = 'cancelled'),
           coalesce(sum(cardinality(closed)), 0)::bigint, coalesce(sum(cardinality(gone)), 0)::bigint,
           coalesce(sum(cardinality(changed)), 0)::bigint, coalesce(sum(failed), 0)::bigint,
           coalesce(sum(cardinality(connection_ids)) FILTER (WHERE state = 'cancelled'), 0)::bigint,
           (SELECT count(*) FROM (SELECT FROM cleanup_order WHERE plan_id = %(plan)s GROUP BY server_id
                                  HAVING bool_and(state IN ('done', 'refused', 'failed'))) AS servers)
    FROM cleanup_order WHERE plan_id = %(plan)s
"""
OUTCOME_FIELDS: Final = (
    "orders", "waiting", "pending", "sent", "done", "refused", "failed", "expired", "cancelled",
    "closed", "gone", "changed", "unclosed", "never_sent", "servers_answered",
)  # fmt: skip


def find_plan(game_id: int, plan_id: int) -> Plan:
    """A plan of a game. Raises NotFound."""
    plan = Plan.objects.select_related("game").filter(game_id=game_id, pk=plan_id).first()
    if plan is None:
        raise NotFound(f"This game has no plan {plan_id}.")
    return plan


def list_plans(game_id: int, *, state: str = "", origin: str = "") -> QuerySet[Plan]:
    """A game's plans, newest first."""
    plans = Plan.objects.filter(game_id=game_id).order_by("-id")
    if state:
        plans = plans.filter(state=state)
    if origin:
        plans = plans.filter(origin=origin)
    return plans


def plan_progress(plan: Plan) -> dict[str, int]:
    """Orders by state, connections by outcome (OUTCOME_FIELDS).

    `closed`, `gone` (already), `changed` (refused, since it is another connection by now), `unclosed` (failed or
    expired), `never_sent` (cancelled). `servers_answered`: those of which every order has been answered, or whose end
    answered for them; a cancelled or expired order was not. One statement: cheap enough to ask every second.
    """
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, {"plan": plan.pk})
        return dict(zip(OUTCOME_FIELDS, cursor.fetchone(), strict=True))


def list_orders(plan: Plan, *, state: str = "") -> QuerySet[Order]:
    """A plan's orders in the order in which their servers' turns come."""
    orders = Order.objects.filter(plan=plan).order_by("place", "id")
    return orders.filter(state=state) if state else orders


def find_order(plan: Plan, order_id: str) -> Order:
    """One order of a plan. Raises NotFound."""
    order = Order.objects.filter(plan=plan, pk=order_id).first()
    if order is None:
        raise NotFound("This plan has no such order.")
    return order


def server_names(orders: list[Order]) -> dict[int, str]:
    """Names of the servers of these orders, by key."""
    keys = {order.server_id for order in orders}
    return dict(GameServer.objects.filter(id__in=keys).values_list("id", "name"))


def order_outcomes(order: Order) -> list[dict[str, Any]]:
    """What became of each connection: [{"id", "opened_at", "service", "outcome"}].

    `outcome` is closed, gone, changed, failed, expired, cancelled, or open as long as nobody knows.
    """
    told = {number: name for name in ("closed", "gone", "changed") for number in getattr(order, name)}
    rest = {"done": "failed", "refused": "failed", "failed": "failed", "expired": "expired", "cancelled": "cancelled"}
    names = dict(Service.objects.filter(id__in=set(order.service_ids)).values_list("id", "name"))
    return [
        {
            "id": number,
            "opened_at": opened_at,
            "service": names.get(service_id, ""),
            "outcome": told.get(number, rest.get(order.state, "open")),
        }
        for number, opened_at, service_id in zip(order.connection_ids, order.opened_at, order.service_ids, strict=True)
    ]


def list_came_back(plan: Plan) -> list[dict[str, Any]]:
    """Kinds of connections that a plan ordered closed, those that came back most first."""
    kinds = plan.fingerprints.order_by("-came_back", "-ordered")[:500]
    names = dict(Service.objects.filter(game_id=plan.game_id).values_list("id", "name"))
    return [
        {
            "id": kind.pk,
            "service": names.get(kind.service_id, ""),
            "type": kind.type,
            "site": kind.site,
            "ordered": kind.ordered,
            "came_back": kind.came_back,
        }
        for kind in kinds
    ]


def list_sweeps(game_id: int) -> QuerySet[Sweep]:
    """A game's sweeps, newest first."""
    return Sweep.objects.filter(game_id=game_id).order_by("-id")
