"""The stale sweep of a game: when, of what, by whom."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connmon.accounts.actions import create_game
from connmon.accounts.audit import Actor
from connmon.accounts.models import AuditEntry, Game, User
from connmon.cleanup import steps, sweep
from connmon.cleanup.models import Plan, Rota, Sweep
from connmon.configuration.actions import change_configuration
from connmon.registry.models import GameServer, IngestPulse, ServerState
from tests.cleanup.steering import BY, MakeServer, advance, answer_all, connections, fetch, orders_of
from tests.machine import Machine, opened

AUTO = "AUTO_CLEANUP_STALE_CONNECTIONS"


@pytest.fixture(autouse=True)
def _listening(transactional_db: None) -> None:
    """A web process has taken reports for an hour."""
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now)


@pytest.fixture
def leaky(server: Machine) -> Machine:
    """A server with two stale connections among others."""
    stale = [opened(8, state="stale"), opened(9, state="stale", service="Lobby")]
    server.send_first(opened=[*connections(3), opened(5, state="orphaned"), *stale])
    return server


def configure(
    game: Game, value: Any, service: str | None = None, section: str = "CONNECTION_MANAGEMENT", **more: Any
) -> None:
    settings = {section: {AUTO: value, **more}} if section == "CONNECTION_MANAGEMENT" else {section: more}
    change_configuration(
        game,
        settings={} if service else settings,
        services={service: settings} if service else {},
        reason="tests",
        by=BY,
        now=timezone.now(),
    )


def run_sweep(game: Game, seconds: float = 0.0) -> Sweep:
    return sweep.sweep_game(game, by=BY, now=timezone.now() + timedelta(seconds=seconds))


def ids(order: dict[str, Any]) -> list[int]:
    return [number for number, _ in order["connections"]]


def test_stale_connections_are_ordered_cleaned(leaky: Machine, game: Game) -> None:
    found = run_sweep(game)
    assert (found.skipped, found.stale, found.lost) == ("", 2, 0)
    advance()
    (order,) = fetch(leaky)
    assert sorted(ids(order)) == [8, 9]
    plan = Plan.objects.get()
    assert (plan.origin, plan.created_by, found.plan) == ("sweep", "Stale sweep", plan)


def test_an_automatic_cleanup_is_as_auditable_as_one_by_hand(leaky: Machine, game: Game) -> None:
    run_sweep(game)
    advance()
    answer_all(leaky)
    advance(2)
    told = list(AuditEntry.objects.filter(action__startswith="plan.").order_by("id").values_list("action", "actor"))
    assert told == [
        ("plan.made", "Stale sweep"),
        ("plan.executed", "Stale sweep"),
        ("plan.started", "Cleanup"),
        ("plan.finished", "Cleanup"),
    ]


def test_with_the_setting_off_they_are_only_counted(leaky: Machine, game: Game) -> None:
    configure(game, False)
    assert run_sweep(game).stale == 2
    assert not Plan.objects.exists()


@pytest.mark.parametrize(("whole", "lobby", "ordered"), [(True, False, [8]), (False, True, [9]), (True, True, [8, 9])])
def test_a_service_may_have_its_own_way(
    leaky: Machine, game: Game, whole: bool, lobby: bool, ordered: list[int]
) -> None:
    if not whole:
        configure(game, whole)
    if whole != lobby:
        configure(game, lobby, service="Lobby")
    run_sweep(game)
    advance()
    (order,) = fetch(leaky)
    assert sorted(ids(order)) == ordered


def test_nothing_stale_leaves_no_plan(server: Machine, game: Game) -> None:
    server.send_first(opened=connections(3))
    assert (run_sweep(game).stale, Plan.objects.count()) == (0, 0)


def test_a_second_sweep_does_not_order_the_same_again(leaky: Machine, game: Game) -> None:
    run_sweep(game)
    advance()
    again = run_sweep(game)
    assert (again.stale, again.plan) == (2, None)
    assert Plan.objects.count() == 1


def test_two_sweeps_at_once_make_one_plan(leaky: Machine, game: Game) -> None:
    run_sweep(game)
    run_sweep(game)
    advance()
    assert len(orders_of(Plan.objects.get())) == 1


def test_stale_connections_of_silent_servers_are_unknown(leaky: Machine, game: Game) -> None:
    ServerState.objects.update(due_at=timezone.now())
    found = run_sweep(game)
    assert (found.stale, found.lost) == (0, 1)


def test_one_sweep_orders_no_more_than_its_share(leaky: Machine, game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "SWEEP_MOST", 1)
    run_sweep(game)
    advance()
    assert Plan.objects.get().ordered == 1


@pytest.mark.parametrize(
    ("pulse", "told"),
    [
        ({"seen_at": timedelta(seconds=16)}, "No web process"),
        ({"started_at": timedelta(seconds=30)}, "less than 60 s"),
        ({"ill_at": timedelta(seconds=30)}, "refused or lost by us"),
    ],
)
def test_nothing_is_concluded_while_the_silence_may_be_ours(
    leaky: Machine, game: Game, pulse: dict[str, timedelta], told: str
) -> None:
    now = timezone.now()
    ServerState.objects.update(due_at=now - timedelta(days=1))
    IngestPulse.objects.exclude(process="tests").delete()
    IngestPulse.objects.update(**{name: now - ago for name, ago in pulse.items()})
    found = sweep.sweep_game(game, by=BY, now=now)
    assert told in found.skipped
    assert not GameServer.objects.exclude(lost_at=None).exists()
    assert not Plan.objects.exists()


def test_servers_gone_for_good_are_ended_and_it_is_told(leaky: Machine, game: Game) -> None:
    ServerState.objects.update(due_at=timezone.now() - timedelta(hours=2))
    assert run_sweep(game).gone == 1
    assert AuditEntry.objects.get(action="servers.ended").after == {"servers": 1}
    while sweep.step(now=timezone.now()):
        pass
    assert leaky.registered() == set()


def test_how_long_gone_is_comes_from_the_configuration(leaky: Machine, game: Game) -> None:
    configure(game, None, section="OPERATIONS", GONE_AFTER=10_000)
    ServerState.objects.update(due_at=timezone.now() - timedelta(hours=2))
    assert run_sweep(game).gone == 0


def test_every_game_is_swept_when_its_time_comes(owner: User, game: Game) -> None:
    other = create_game(name="Arena", owner=owner, now=timezone.now())
    configure(other, None, section="OPERATIONS", SWEEP_INTERVAL=60)
    start = timezone.now()

    def swept_after(seconds: float) -> list[Game]:
        Sweep.objects.all().delete()
        while sweep.step(now=start + timedelta(seconds=seconds)):
            pass
        return sorted((one.game for one in Sweep.objects.select_related("game")), key=lambda one: one.pk)

    assert swept_after(0) == [game, other]
    assert swept_after(59) == []
    assert swept_after(60) == [other]
    assert swept_after(300) == [game, other]


def test_of_two_workers_one_takes_a_game(game: Game) -> None:
    now = timezone.now()
    sweep.step(now=now)
    Rota.objects.update(sweep_at=now)
    assert sweep._take_due_game(now) == game
    assert sweep._take_due_game(now) is None


def test_a_sweep_on_demand_is_audited_and_puts_the_next_one_off(leaky: Machine, game: Game) -> None:
    now = timezone.now()
    found = sweep.sweep_now(game, by=Actor.of_command("root"), now=now)
    assert (found.by, found.stale) == ("root (manage.py)", 2)
    assert AuditEntry.objects.get(action="sweep.ordered").actor_kind == "command"
    assert Rota.objects.get().sweep_at == now + timedelta(seconds=300)


def test_old_sweeps_are_forgotten(game: Game) -> None:
    now = timezone.now()
    for days in (29, 31):
        Sweep.objects.create(game=game, at=now - timedelta(days=days), by="x", skipped="")
    assert (sweep.drop_old_sweeps(now=now), Sweep.objects.count()) == (1, 1)


def test_stale_connections_that_are_cleaned_stay_cleaned(leaky: Machine, make_server: MakeServer, game: Game) -> None:
    run_sweep(game)
    advance()
    answer_all(leaky)
    leaky.send(closed=[{"id": 8, "service": "CombatService"}, {"id": 9, "service": "Lobby"}])
    advance(2)
    assert run_sweep(game).stale == 0
