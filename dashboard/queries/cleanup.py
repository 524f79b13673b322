"""The list of plans, the sweeps, and servers by name or id."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db.models import Q
from msgspec import Struct

from connmon.cleanup.models import Plan, Sweep
from connmon.cleanup.queries import list_plans, list_sweeps
from connmon.cleanup.scope import read_scope
from connmon.cleanup.states import Origin, PlanState
from connmon.registry.models import GameServer
from dashboard.cleanup_words import ORIGINS, describe
from dashboard.queries.paging import Cursor, RowsPage, page_by_id

PER_PAGE: Final = 50  # plans
LIVE_PLANS: Final = 50  # rows of the list that are refreshed while it is looked at
SWEEPS: Final = 5


class PlansQuery(Struct, frozen=True):
    """What the address asks of the list."""

    state: PlanState | None = None
    origin: Origin | None = None
    cursor: Cursor = Cursor()

    @property
    def is_filtered(self) -> bool:
        return bool(self.state or self.origin)


class PlanRow(Struct, frozen=True):
    """One plan of the list. `connections`: ordered if it ran, else what the dry run counted."""

    id: int
    state: str
    what: str
    origin: str
    connections: int
    servers: int
    detail: str
    created_at: datetime
    created_kind: str
    created_by: str
    executed_by: str


class Newest(Struct, frozen=True):
    """Tells a list whose rows are fetched that there are others."""

    id: int


class CleanupLive(Struct, frozen=True):
    """What the list of plans shows that changes."""

    newest: Newest
    plans: list[PlanRow]


def cleanup_live(game_id: int, *, now: datetime) -> CleanupLive:
    rows = _plan_rows(list(list_plans(game_id)[:LIVE_PLANS]))
    return CleanupLive(newest=Newest(rows[0].id if rows else 0), plans=rows)


def plans_page(game_id: int, query: PlansQuery) -> RowsPage[PlanRow]:
    plans = list_plans(game_id, state=query.state or "", origin=query.origin or "")
    page = page_by_id(plans, query.cursor, most=PER_PAGE, id_of=lambda plan: plan.pk)
    return RowsPage(rows=_plan_rows(page.rows), older=page.older, newer=page.newer)


def _plan_rows(plans: list[Plan]) -> list[PlanRow]:
    scopes = {plan.pk: read_scope(plan.scope) for plan in plans}
    keys = [key for scope in scopes.values() for key in scope.servers]
    names = names_of(plans[0].game_id, keys) if plans else {}
    return [_plan_row(plan, describe(scopes[plan.pk], names)) for plan in plans]


def _plan_row(plan: Plan, what: str) -> PlanRow:
    ran = plan.started_at is not None
    return PlanRow(
        id=plan.pk,
        state=plan.state,
        what=what,
        origin=ORIGINS[Origin(plan.origin)],
        connections=plan.ordered if ran else plan.planned,
        servers=plan.servers if ran else plan.summary["servers"],
        detail=plan.detail,
        created_at=plan.created_at,
        created_kind=plan.created_kind,
        created_by=plan.created_by,
        executed_by=plan.executed_by,
    )


def names_of(game_id: int, keys: Iterable[int]) -> dict[int, str]:
    """Names of those servers that are the game's, by key."""
    wanted = set(keys)
    servers = GameServer.objects.filter(game_id=game_id, id__in=wanted)
    return dict(servers.values_list("id", "name")) if wanted else {}


def read_keys(words: Iterable[str]) -> list[int]:
    """Keys of servers among words: whole numbers that fit 63 bits."""
    numbers = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 20]
    return [number for number in numbers if number < 2**63]


def running_servers(game_id: int, words: Sequence[str]) -> dict[str, list[int]]:
    """Keys of the game's running servers by each of the words that is the name or the id of one."""
    if not words:
        return {}
    ids = read_keys(words)
    servers = GameServer.objects.filter(game_id=game_id, ended_at=None)
    found: dict[str, list[int]] = {}
    for key, name in servers.filter(Q(id__in=ids) | Q(name__in=words)).values_list("id", "name"):
        for word in {str(key), name}.intersection(words):
            found.setdefault(word, []).append(key)
    return found


def newest_sweeps(game_id: int) -> list[Sweep]:
    return list(list_sweeps(game_id)[:SWEEPS])
