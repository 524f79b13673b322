"""The automatic emergency: a server above EMERGENCY_CLEANUP_THRESHOLD of its budget of connections or memory.

It fires once for a server, and for it again only after the server was well below (hysteresis); for a game not more
often than EMERGENCY_COOLDOWN.
"""

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.db import IntegrityError, connection, transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.cleanup.actions import run_automatic
from connmon.cleanup.models import Overrun, Plan, Rota
from connmon.cleanup.rules import Budget, Load
from connmon.cleanup.scope import LEAKED, Scope
from connmon.cleanup.states import Origin
from connmon.configuration.queries import list_configured
from connmon.configuration.rules import Configuration
from connmon.configuration.schema import CONNECTION_MANAGEMENT, OPERATIONS

JOB: Final = "Budget watch"
NAMED: Final = 20  # servers told by name in the reason

LOADS: Final[LiteralString] = """
    SELECT g.id, g.name, (SELECT coalesce(sum(n), 0) FROM unnest(s.live) n)::bigint, coalesce(s.memory_mb, 0),
           o.server_id IS NOT NULL
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    LEFT JOIN cleanup_overrun o ON o.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s ORDER BY g.name
"""


def watch_budgets(*, now: datetime) -> int:
    """Looks at every game that has a budget; how many emergencies were fired."""
    names = ("CONNECTION_BUDGET_PER_SERVER", "MEMORY_BUDGET_PER_SERVER")
    return sum(_watch_game(game, configuration, now) for game, configuration in list_configured(OPERATIONS, names))


def _watch_game(game: Game, configuration: Configuration, now: datetime) -> bool:
    budget = Budget(
        connections=configuration.get(OPERATIONS, "CONNECTION_BUDGET_PER_SERVER"),
        memory_mb=configuration.get(OPERATIONS, "MEMORY_BUDGET_PER_SERVER"),
        threshold=configuration.get(CONNECTION_MANAGEMENT, "EMERGENCY_CLEANUP_THRESHOLD"),
    )
    with connection.cursor() as cursor:
        cursor.execute(LOADS, {"game": game.pk, "now": now})
        loads = [Load(*row) for row in cursor.fetchall()]
    calm = [load.server_id for load in loads if load.fired and budget.is_calm(load)]
    if calm:
        Overrun.objects.filter(server_id__in=calm).delete()
    over = {load: told for load in loads if not load.fired and (told := budget.find_overrun(load))}
    if not over:
        return False
    try:
        with transaction.atomic():
            return _fire(game, configuration, over, now)
    except IntegrityError:
        return False  # one_automatic_plan_at_a_time: the last one is still running, or another worker was faster


def _fire(game: Game, configuration: Configuration, over: dict[Load, str], now: datetime) -> bool:
    cooldown = timedelta(seconds=configuration.get(OPERATIONS, "EMERGENCY_COOLDOWN"))
    Rota.objects.get_or_create(game=game, defaults={"sweep_at": now, "emergency_at": now})
    # A shorter pause holds from now on, and a clock that was ahead puts no emergency off.
    Rota.objects.filter(game=game, emergency_at__gt=now + cooldown).update(emergency_at=now + cooldown)
    if not Rota.objects.filter(game=game, emergency_at__lte=now).update(emergency_at=now + cooldown):
        return False
    Overrun.objects.bulk_create(
        [Overrun(server_id=load.server_id, game=game, since=now, what=told) for load, told in over.items()]
    )
    reason = "; ".join(f"{load.name}: {told}" for load, told in list(over.items())[:NAMED])[:480]
    plan = _run(game, configuration, [load.server_id for load in over], reason, now)
    after: dict[str, Any] = {"servers": len(over), "plan": plan.pk if plan else None}
    target = f"plan {plan.pk}" if plan else "nothing to close"
    record(game, "emergency.fired", target=target, by=Actor.of_job(JOB), now=now, after=after, reason=reason)
    return True


def _run(game: Game, configuration: Configuration, servers: list[int], reason: str, now: datetime) -> Plan | None:
    states = LEAKED if configuration.get(OPERATIONS, "EMERGENCY_SCOPE") == "leaked" else ()
    scope = Scope(states=states, servers=tuple(servers))
    return run_automatic(game, scope, origin=Origin.THRESHOLD, reason=reason, job=JOB, now=now)
