"""The automatic emergency: when it fires, at what, how often, and that it is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup.models import Overrun, Plan
from connmon.cleanup.rules import Budget, Load
from connmon.cleanup.threshold import watch_budgets
from connmon.configuration.actions import change_configuration
from connmon.registry.models import ServerState
from tests.cleanup.steering import BY, MakeServer, advance, connections, fetch
from tests.machine import Machine, opened, service

BUDGET = Budget(connections=1_000, memory_mb=2_000, threshold=0.95)


def load(connections: int = 0, memory_mb: float = 0) -> Load:
    return Load(1, "a", connections, memory_mb, fired=False)


@pytest.mark.parametrize(
    ("budget", "carried", "over", "calm"),
    [
        (BUDGET, load(950), False, False),
        (BUDGET, load(951), True, False),
        (BUDGET, load(901), False, False),
        (BUDGET, load(900), False, True),
        (BUDGET, load(0, 1_901), True, False),
        (BUDGET, load(0, 1_801), False, False),
        (BUDGET, load(0, 1_800), False, True),
        (BUDGET, load(900, 1_900), False, False),
        (Budget(0, 0, 0.95), load(10**9, 10**9), False, True),
        (Budget(1_000, 0, 0.02), load(1), False, False),
        (Budget(1_000, 0, 0.02), load(0), False, True),
    ],
)
def test_the_rule_fires_above_the_threshold_and_is_armed_again_well_below(
    budget: Budget, carried: Load, over: bool, calm: bool
) -> None:
    assert (bool(budget.find_overrun(carried)), budget.is_calm(carried)) == (over, calm)


def configure(game: Game, **operations: Any) -> None:
    change_configuration(
        game, settings={"OPERATIONS": operations}, services={}, reason="tests", by=BY, now=timezone.now()
    )


def watch(seconds: float = 0) -> int:
    return watch_budgets(now=timezone.now() + timedelta(seconds=seconds))


def carry(server: Machine, count: int, memory_mb: float = 100, **more: Any) -> None:
    server.send(services=[service(live=count)], memory={"total_mb": memory_mb}, **more)


@pytest.fixture
def full(server: Machine, game: Game) -> Machine:
    """A server with 96 of its 100 connections, two of them leaked."""
    configure(game, CONNECTION_BUDGET_PER_SERVER=100)
    leaked = [opened(8, state="stale"), opened(9, state="orphaned")]
    server.send_first(opened=[*connections(3), *leaked], services=[service(live=96)])
    return server


def test_it_fires_above_the_budgets_share_and_closes_what_leaked(full: Machine, game: Game) -> None:
    assert watch() == 1
    advance()
    (order,) = fetch(full)
    assert sorted(number for number, _ in order["connections"]) == [8, 9]
    assert Plan.objects.get().origin == "threshold"


def test_it_can_be_told_to_close_everything(full: Machine, game: Game) -> None:
    configure(game, EMERGENCY_SCOPE="everything")
    full.send(opened=[opened(50, essential=True)])
    assert watch() == 1
    advance()
    (order,) = fetch(full)
    assert sorted(number for number, _ in order["connections"]) == [1, 2, 3, 8, 9]


def test_memory_has_a_budget_too(server: Machine, game: Game) -> None:
    configure(game, MEMORY_BUDGET_PER_SERVER=1_000)
    server.send_first(opened=[opened(1, state="stale")], memory={"total_mb": 951})
    assert watch() == 1
    assert Plan.objects.get().reason == "server-1: 951 of 1,000 MB"


def test_it_is_as_auditable_as_a_human(full: Machine, game: Game) -> None:
    watch()
    entry = AuditEntry.objects.get(action="emergency.fired")
    plan = Plan.objects.get()
    assert (entry.actor_kind, entry.actor, entry.reason) == ("job", "Budget watch", "server-1: 96 of 100 connections")
    assert entry.after == {"servers": 1, "plan": plan.pk}
    assert AuditEntry.objects.filter(action="plan.executed", target=f"plan {plan.pk}").exists()


def test_without_a_budget_it_never_fires(server: Machine, game: Game) -> None:
    server.send_first(services=[service(live=10**6)], memory={"total_mb": 10**6})
    configure(game, EMERGENCY_COOLDOWN=60)
    assert watch() == 0


def test_servers_below_are_left_alone(full: Machine, make_server: MakeServer, game: Game) -> None:
    other = make_server("b")
    other.send_first(opened=[opened(1, state="stale")], services=[service(live=95)])
    watch()
    advance()
    fetch(full)
    assert other.send().body["orders"] == []


def test_it_fires_once_while_a_server_stays_above(full: Machine, game: Game) -> None:
    assert (watch(), watch(), watch(20)) == (1, 0, 0)
    carry(full, 97)
    assert watch(20) == 0


def test_it_fires_again_only_after_the_server_was_well_below(full: Machine, game: Game) -> None:
    configure(game, EMERGENCY_COOLDOWN=60)
    ServerState.objects.update(due_at=timezone.now() + timedelta(hours=1))
    watch()
    Plan.objects.update(state="done")
    found = []
    for count, seconds in ((91, 61), (96, 62), (90, 63), (96, 64)):
        carry(full, count, interval=600)
        found.append(watch(seconds))
    assert found == [0, 0, 0, 1]


def test_a_game_has_a_pause_between_two_emergencies(full: Machine, make_server: MakeServer, game: Game) -> None:
    watch()
    Plan.objects.update(state="done")
    other = make_server("b")
    other.send_first(opened=[opened(1, state="stale")], services=[service(live=99)])
    ServerState.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert watch(890) == 0
    assert not Overrun.objects.filter(server_id=other.id).exists()
    assert watch(910) == 1


def test_while_one_is_under_way_no_second_is_begun(full: Machine, make_server: MakeServer, game: Game) -> None:
    configure(game, EMERGENCY_COOLDOWN=60)
    watch()
    advance()
    other = make_server("b")
    other.send_first(opened=[opened(1, state="stale")], services=[service(live=99)])
    ServerState.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert watch(61) == 0
    assert Plan.objects.count() == 1


def test_with_nothing_to_close_it_is_told_all_the_same(server: Machine, game: Game) -> None:
    configure(game, CONNECTION_BUDGET_PER_SERVER=100)
    server.send_first(opened=connections(3), services=[service(live=99)])
    assert watch() == 1
    assert AuditEntry.objects.get(action="emergency.fired").target == "nothing to close"
    assert not Plan.objects.exists()


def test_silent_servers_are_not_judged(full: Machine, game: Game) -> None:
    ServerState.objects.update(due_at=timezone.now())
    assert watch() == 0
