"""What cleanup pages say: what a scope closes, the question before it runs, and how far a plan is. Pure."""

from collections.abc import Mapping
from typing import Final

from connmon.cleanup.models import Plan
from connmon.cleanup.scope import Scope
from connmon.cleanup.states import Origin, PlanState
from dashboard.verdict import plural

ORIGINS: Final = {
    Origin.MANUAL: "Plan",
    Origin.EMERGENCY: "Emergency",
    Origin.SWEEP: "Stale sweep",
    Origin.THRESHOLD: "Automatic emergency",
}
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
NAMED: Final = 3  # servers in a sentence

Progress = Mapping[str, int]  # cleanup.queries.OUTCOME_FIELDS


def span(seconds: float) -> str:
    """300 as `5 min`: the largest unit of which it is a whole number."""
    for size, unit in UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:g} s"


def describe(scope: Scope, servers: Mapping[int, str]) -> str:
    """`Stale connections of player:261 in Combat on lobby-1, open for more than 5 min`."""
    which = " and ".join(state.value for state in scope.states)
    parts = [f"{which.capitalize()} connections" if which else "All connections that are not essential"]
    if scope.type is not None:
        parts.append(f"of type {scope.type}")
    if scope.owner is not None:
        parts.append(f"of {scope.owner}")
    if scope.service is not None:
        parts.append(f"in {scope.service}")
    if scope.servers:
        parts.append(f"on {_servers(scope, servers)}")
    if scope.without:
        parts.append(f"in all services but {len(scope.without):,}")
    return ", ".join([" ".join(parts), *_ages(scope)])


def _servers(scope: Scope, names: Mapping[int, str]) -> str:
    shown = [names.get(key, str(key)) for key in scope.servers[:NAMED]]
    left = len(scope.servers) - len(shown)
    return ", ".join(shown) + (f" and {plural(left, 'other server', 'other servers')}" if left else "")


def _ages(scope: Scope) -> list[str]:
    ages = [("more", scope.older_than), ("less", scope.younger_than)]
    return [f"open for {word} than {span(seconds)}" for word, seconds in ages if seconds is not None]


def question(scope: Scope, *, connections: int, servers: int) -> str:
    """`Close 214 connections in Combat on 3 servers?`"""
    what = plural(connections, "connection", "connections")
    where = f" in {scope.service}" if scope.service is not None else ""
    return f"Close {what}{where} on {plural(servers, 'server', 'servers')}?"


def lead(plan: Plan, progress: Progress, *, came_back: int) -> str:
    """How a plan stands, in a sentence or two."""
    match PlanState(plan.state):
        case PlanState.PLANNED if not plan.planned:
            return "Nothing is in this scope now, so there is nothing to close."
        case PlanState.PLANNED:
            return f"{_would(plan)} Nothing has happened yet."
        case PlanState.HELD:
            return f"{_would(plan)} Nothing has been sent; until it runs it can be taken back."
        case PlanState.RUNNING:
            return f"{_answered(plan, progress['servers_answered'])} {_closed(plan, progress)}"
        case PlanState.WATCHING:
            return f"{_outcome(progress)} {_returned(came_back)} so far."
        case PlanState.DONE:
            return f"{_outcome(progress)} {_returned(came_back)} within five minutes."
        case PlanState.ABORTED:
            return f"{plan.detail} {_outcome(progress)}" if progress["orders"] else f"{plan.detail} Nothing was sent."
        case _:
            return f"{plan.detail} Nothing was sent."


def _would(plan: Plan) -> str:
    servers = plural(plan.summary["servers"], "server", "servers")
    return f"It would close {plural(plan.planned, 'connection', 'connections')} on {servers}."


def _answered(plan: Plan, answered: int) -> str:
    verb = "has" if answered == 1 else "have"
    told = f"{answered:,} of {plural(plan.servers, 'server', 'servers')} {verb} answered"
    if plan.canary and plan.released == 1 and not answered:
        return f"{told}; the others wait for the first one, the canary."
    return f"{told}."


def _closed(plan: Plan, progress: Progress) -> str:
    verb = "is" if progress["closed"] == 1 else "are"
    return f"{progress['closed']:,} of {plural(plan.ordered, 'connection', 'connections')} {verb} closed."


def _outcome(progress: Progress) -> str:
    words = {
        "closed": "closed",
        "gone": "already gone",
        "changed": "left alone",
        "unclosed": "failed",
        "never_sent": "never sent",
    }
    parts = [f"{progress[name]:,} {word}" for name, word in words.items() if progress[name] or name == "closed"]
    return f"{', '.join(parts)}."


def _returned(came_back: int) -> str:
    return f"{came_back:,} came back" if came_back else "None came back"
