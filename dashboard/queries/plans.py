"""One plan as it goes on: how it stands, its servers, what it counted, and what became of each connection."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from connmon.cleanup.models import Plan
from connmon.cleanup.queries import find_plan, list_came_back, list_orders, order_outcomes, plan_progress
from connmon.cleanup.states import OrderState, PlanState
from connmon.core.errors import NotFound
from connmon.registry.models import GameServer
from dashboard.cleanup_words import lead
from dashboard.queries.fetch import fetch

SERVERS_SHOWN: Final = 200  # on the plan's own page, those with trouble first
SERVERS_PER_PAGE: Final = 200
RETURNED_SHOWN: Final = 50  # kinds of connections that came back
OUTCOMES_PER_PAGE: Final = 200
OUTCOMES: Final = ("closed", "gone", "changed", "failed", "expired", "cancelled", "open")  # of a connection


class PlanHead(Struct, frozen=True):
    """How a plan stands. `until`: what its page counts down to."""

    state: str
    lead: str
    until: datetime | None
    executed_by: str
    answered: int
    servers: int
    closed: int
    gone: int
    changed: int
    unclosed: int
    never_sent: int
    came_back: int | None  # None: nobody has looked
    unlisted: int  # servers beyond those listed


class PlanServer(Struct, frozen=True):
    """One server of a plan, all its orders together. `took`: seconds from the first sending to the last outcome."""

    id: str
    name: str
    state: str
    ordered: int
    closed: int
    gone: int
    changed: int
    failed: int
    sends: int
    took: float | None
    detail: str


class CameBack(Struct, frozen=True):
    """One kind of connection that was ordered closed, and how many came back."""

    id: int
    service: str
    type: str
    site: str
    ordered: int
    came_back: int


class PlanLive(Struct, frozen=True):
    """Everything on a plan's page that changes."""

    plan: PlanHead
    servers: list[PlanServer]
    returned: list[CameBack]


# A server is as far as the least far of its orders; among ended ones trouble is told first.
SERVER_STATE: Final = """
CASE WHEN bool_or(o.state = 'sent') THEN 'sent' WHEN bool_or(o.state = 'pending') THEN 'pending'
     WHEN bool_or(o.state = 'waiting') THEN 'waiting' WHEN bool_or(o.state = 'failed') THEN 'failed'
     WHEN bool_or(o.state = 'refused') THEN 'refused' WHEN bool_or(o.state = 'expired') THEN 'expired'
     WHEN bool_or(o.state = 'cancelled') THEN 'cancelled' ELSE 'done' END
"""
SERVERS: Final = f"""
SELECT id, name, state, ordered, closed, gone, changed, failed, sends, took, detail FROM (
    SELECT o.server_id::text, coalesce(g.name, ''), {SERVER_STATE} AS state,
           sum(cardinality(o.connection_ids))::bigint, sum(cardinality(o.closed))::bigint,
           sum(cardinality(o.gone))::bigint, sum(cardinality(o.changed))::bigint, sum(o.failed)::bigint, max(o.sends),
           round(extract(epoch FROM max(o.finished_at) - min(o.sent_at)), 1)::float8, max(o.detail), min(o.place)
    FROM cleanup_order o LEFT JOIN registry_gameserver g ON g.id = o.server_id
    WHERE o.plan_id = %(plan)s GROUP BY o.server_id, g.name
) AS servers (id, name, state, ordered, closed, gone, changed, failed, sends, took, detail, place)
WHERE %(state)s = '' OR state = %(state)s
ORDER BY CASE WHEN %(by_trouble)s AND state IN ('failed', 'refused', 'expired') THEN 0 ELSE 1 END, place
LIMIT %(limit)s OFFSET %(offset)s
"""  # joined from constants only


def plan_live(game_id: int, plan_id: int, *, now: datetime) -> PlanLive:
    """One plan as it stands. Raises NotFound."""
    return live_of(find_plan(game_id, plan_id))


def live_of(plan: Plan) -> PlanLive:
    progress = plan_progress(plan)
    has_orders = progress["orders"] > 0
    returned = [CameBack(**kind) for kind in list_came_back(plan)] if plan.watched_until else []
    came_back = sum(kind.came_back for kind in returned)
    servers = _servers(plan, by_trouble=True, most=SERVERS_SHOWN) if has_orders else []
    head = PlanHead(
        state=plan.state,
        lead=lead(plan, progress, came_back=came_back),
        until=_until(plan),
        executed_by=plan.executed_by,
        answered=progress["servers_answered"],
        servers=plan.servers,
        **{name: progress[name] for name in ("closed", "gone", "changed", "unclosed", "never_sent")},
        came_back=came_back if plan.watched_until else None,
        unlisted=plan.servers - len(servers) if has_orders else 0,
    )
    return PlanLive(plan=head, servers=servers, returned=returned[:RETURNED_SHOWN])


def _until(plan: Plan) -> datetime | None:
    if plan.state in {PlanState.PLANNED, PlanState.HELD}:
        return plan.next_at
    return plan.watched_until if plan.state == PlanState.WATCHING else None


def _servers(
    plan: Plan, *, most: int, state: OrderState | None = None, by_trouble: bool = False, skip: int = 0
) -> list[PlanServer]:
    values: dict[str, Any] = {
        "plan": plan.pk,
        "state": state or "",
        "by_trouble": by_trouble,
        "limit": most,
        "offset": skip,
    }
    return fetch(PlanServer, SERVERS, values)


class ServersPage(Struct, frozen=True):
    """A page of a plan's servers; `previous` and `next` are numbers of pages, 0: there is none."""

    rows: list[PlanServer]
    state: OrderState | None
    previous: int
    next: int


def plan_servers(plan: Plan, *, state: OrderState | None, page: int) -> ServersPage:
    """A plan's servers in the order of their turns, page `page` from 1."""
    skip = (page - 1) * SERVERS_PER_PAGE
    rows = _servers(plan, most=SERVERS_PER_PAGE + 1, state=state, skip=skip)
    following = page + 1 if len(rows) > SERVERS_PER_PAGE else 0
    return ServersPage(rows=rows[:SERVERS_PER_PAGE], state=state, previous=page - 1, next=following)


class Bar(Struct, frozen=True):
    """One line of a breakdown; `width`: per cent of the largest."""

    name: str
    connections: int
    width: float


BREAKDOWN: Final = {
    "by_service": "By service",
    "by_server": "By server",
    "by_owner_kind": "By kind of owner",
    "by_state": "By state",
    "by_age": "By age",
}


def breakdown(summary: dict[str, Any]) -> list[tuple[str, list[Bar]]]:
    """A dry run's counts the ways in which people look at them: title and bars, those that count anything."""
    return [(title, _bars(summary[name])) for name, title in BREAKDOWN.items() if summary[name]]


def _bars(rows: list[dict[str, Any]]) -> list[Bar]:
    largest = max(row["connections"] for row in rows)
    return [Bar(row["name"], row["connections"], round(100 * row["connections"] / largest, 1)) for row in rows]


class OutcomeRow(Struct, frozen=True):
    """What became of one connection. `opened_at` is by its server's clock."""

    id: int
    service: str
    opened_at: datetime
    outcome: str


class OutcomesPage(Struct, frozen=True):
    """A page of a server's outcomes; `total` counts those of the wanted outcome."""

    name: str
    details: list[str]  # what the agent said, order by order
    rows: list[OutcomeRow]
    total: int
    previous: int
    next: int


def server_outcomes(plan: Plan, server_id: int, *, outcome: str, page: int) -> OutcomesPage:
    """Each connection that a plan named on one server, page `page` from 1. Raises NotFound."""
    orders = list(list_orders(plan).filter(server_id=server_id))
    if not orders:
        raise NotFound("This plan has nothing on such a server.")
    rows = [row for order in orders for row in order_outcomes(order) if outcome in ("", row["outcome"])]
    skip = (page - 1) * OUTCOMES_PER_PAGE
    return OutcomesPage(
        name=GameServer.objects.filter(pk=server_id).values_list("name", flat=True).first() or str(server_id),
        details=[order.detail for order in orders if order.detail],
        rows=[_outcome_row(row) for row in rows[skip : skip + OUTCOMES_PER_PAGE]],
        total=len(rows),
        previous=page - 1,
        next=page + 1 if len(rows) > skip + OUTCOMES_PER_PAGE else 0,
    )


def _outcome_row(row: dict[str, Any]) -> OutcomeRow:
    opened_at = datetime.fromtimestamp(row["opened_at"], UTC)
    return OutcomeRow(id=row["id"], service=row["service"], opened_at=opened_at, outcome=row["outcome"])
