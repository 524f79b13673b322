"""Plans and sweeps while servers leave, clocks leap and other plans run."""

from datetime import timedelta

from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup import actions, steps, sweep
from connmon.cleanup.models import Order, Plan, Rota
from connmon.cleanup.scope import Scope
from connmon.configuration.actions import change_configuration
from connmon.registry.models import IngestPulse, OrderOutcome, ServerState
from tests.cleanup.steering import (
    BY,
    MakeServer,
    advance,
    again,
    answer_all,
    connections,
    orders_of,
    outcome,
    plan,
    run,
)
from tests.machine import Machine, opened


def test_servers_that_said_farewell_did_not_fall_silent(make_server: MakeServer, game: Game) -> None:
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now)
    servers = [make_server(f"s{n}") for n in range(3)]
    for server in servers:
        server.send_first(opened=connections(2))
    made = run(game)
    for server in servers[:2]:
        answer_all(server)
        server.send(closing=True)
    ServerState.objects.filter(server_id__in=[s.id for s in servers[:2]]).update(due_at=timezone.now())
    advance(1)
    assert (again(made).state, again(made).detail) == ("running", "")


def test_the_outcome_of_orders_that_came_with_a_farewells_answer_counts(busy: Machine, game: Game) -> None:
    made = run(game)
    orders = busy.send(closing=True).body["orders"]
    assert orders
    advance(1)  # the worker looks every second, the agent reports again within half a second or so
    busy.send(closing=True, outcomes=[outcome(order) for order in orders])
    advance(2)
    (order,) = orders_of(made)
    assert (order.state, len(order.closed), OrderOutcome.objects.get().verdict) == ("done", 10, "applied")


def test_a_plan_that_cannot_begin_holds_up_no_other(busy: Machine, game: Game, other_game: Game) -> None:
    now = timezone.now()
    made = plan(game)
    over = actions.make_plan(other_game, Scope(servers=tuple(range(1, 10_002))), reason="x", by=BY, now=now)
    Plan.objects.filter(pk=over.pk).update(state="held", next_at=now - timedelta(minutes=1))
    actions.execute_plan(game, made.pk, by=BY, now=timezone.now(), hold=timedelta(0))
    advance()
    assert again(made).state == "running"


def test_a_sweep_leaves_out_servers_whose_turn_in_a_plan_is_to_come(make_server: MakeServer, game: Game) -> None:
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now)
    for name in ("a", "b"):
        make_server(name).send_first(opened=[opened(8, state="stale")])
    made = run(game, canary=True)
    assert {order.state for order in orders_of(made)} == {"pending", "waiting"}
    swept = sweep.sweep_game(game, by=BY, now=timezone.now())
    assert swept.plan is None
    advance()
    assert Order.objects.count() == 2


def test_a_canary_has_its_time_from_its_turn_on(busy: Machine, make_server: MakeServer, game: Game) -> None:
    make_server("other").send_first(opened=connections(3))
    made = plan(game, canary=True)
    actions.execute_plan(game, made.pk, by=BY, now=timezone.now(), hold=timedelta(0))
    assert steps.step(now=timezone.now())
    assert again(made).state == "running"
    # no worker for 100 s
    ServerState.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert steps.step(now=timezone.now() + timedelta(seconds=100))
    assert again(made).released == 1
    advance(102)
    assert (again(made).state, again(made).detail) == ("running", "")


def configure(game: Game, **operations: object) -> None:
    change_configuration(
        game, settings={"OPERATIONS": operations}, services={}, reason="tests", by=BY, now=timezone.now()
    )


def test_a_shorter_interval_holds_from_now_on(game: Game, transactional_db: None) -> None:
    now = timezone.now()
    configure(game, SWEEP_INTERVAL=86_400)
    assert sweep.step(now=now)
    configure(game, SWEEP_INTERVAL=300)
    sweep.step(now=now + timedelta(seconds=10))
    assert Rota.objects.get().sweep_at <= now + timedelta(seconds=310)


def test_a_clock_that_leapt_ahead_stops_no_sweep(game: Game, transactional_db: None) -> None:
    now = timezone.now()
    sweep.step(now=now + timedelta(days=30))
    sweep.step(now=now)
    assert Rota.objects.get().sweep_at <= now + timedelta(seconds=300)


def test_the_audit_trail_names_no_plan_that_never_was(server: Machine, game: Game) -> None:
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now)
    server.send_first(opened=[opened(8, state="stale", essential=True)])
    swept = sweep.sweep_game(game, by=BY, now=timezone.now())
    assert swept.plan is None
    assert not AuditEntry.objects.filter(action="plan.made").exists()
