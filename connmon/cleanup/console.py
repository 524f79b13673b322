"""A plan at the command line: its dry run in words, its progress as a bar."""

import time
from collections.abc import Callable
from typing import Any, Final

from connmon.cleanup.models import Plan
from connmon.cleanup.queries import plan_progress
from connmon.cleanup.scope import read_scope
from connmon.cleanup.states import PlanState

WIDTH: Final = 30  # characters of the bar
LINES: Final = 8  # rows of each list
AT_WORK: Final = {PlanState.HELD, PlanState.RUNNING}


def describe(plan: Plan) -> str:
    """What a plan would close, and whom that touches."""
    told = plan.summary
    exempt = told["exempt"]
    lines = [
        f"Plan {plan.pk} ({plan.state}): close {told['connections']:,} connections on {told['servers']:,} servers "
        f"with {told['players']:,} players",
        f"  scope    {read_scope(plan.scope).describe()}",
        f"  exempt   {exempt['essential']:,} essential; {exempt['silent_connections']:,} on "
        f"{exempt['silent_servers']:,} silent servers",
    ]
    for title, name in (
        ("service", "by_service"),
        ("owner", "by_owner_kind"),
        ("state", "by_state"),
        ("age", "by_age"),
    ):
        rows = ", ".join(f"{row['name']} {row['connections']:,}" for row in told[name][:LINES])
        lines.append(f"  {title:8} {rows or 'none'}")
    return "\n".join(lines)


def sentence(plan: Plan, told: dict[str, int]) -> str:
    """How far a plan is, in one line."""
    done, most = told["servers_answered"], max(plan.servers, 1)
    filled = WIDTH * done // most
    bar = "#" * filled + "." * (WIDTH - filled)
    return (
        f"{plan.state:8} [{bar}] {done:,}/{plan.servers:,} servers; {told['closed']:,} closed, {told['gone']:,} gone, "
        f"{told['changed']:,} changed, {told['unclosed']:,} failed or expired"
    )


def follow(
    plan: Plan, *, step: Callable[[], Any], show: Callable[[str], None], pause: Callable[[float], None] = time.sleep
) -> Plan:
    """Shows a plan's progress until every order has ended. `step` moves it on, so that it needs no worker."""
    shown = ""
    while True:
        while step():
            pass
        plan = Plan.objects.get(pk=plan.pk)
        line = sentence(plan, plan_progress(plan))
        if line != shown:
            show(line)
            shown = line
        if plan.state not in AT_WORK:
            return plan
        pause(0.5)
