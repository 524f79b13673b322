"""`manage.py cleanup` and `manage.py sweep`."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup import console
from connmon.cleanup.models import Plan
from connmon.registry.models import IngestPulse, ServerState
from tests.cleanup.steering import advance, answer_all, plan
from tests.machine import Machine, opened


def run(*words: str, command: str = "cleanup") -> str:
    out = StringIO()
    call_command(command, *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def while_waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Does something once while the command waits."""

    def arrange(act: Callable[[], Any]) -> None:
        acts = iter([act])
        monkeypatch.setattr(console.follow, "__kwdefaults__", {"pause": lambda seconds: next(acts, lambda: None)()})

    return arrange


def test_a_plan_is_told_in_words(busy: Machine, game: Game) -> None:
    busy.send(opened=[opened(50, essential=True)])
    told = run("plan", "--everything", "--reason", "memory climbs")
    assert "close 10 connections on 1 servers with 3 players" in told
    assert "exempt   1 essential; 0 on 0 silent servers" in told
    assert "service  CombatService 10" in told
    assert f"manage.py cleanup execute {Plan.objects.get().pk}" in told
    assert AuditEntry.objects.get(action="plan.made").actor_kind == "command"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--state", "stale"], 0),
        (["--state", "live", "--service", "CombatService"], 10),
        (["--owner", "player:261", "--type", "Humanoid.Died"], 10),
        (["--older-than", "60"], 10),
        (["--younger-than", "60"], 0),
        (["--scope", '{"states": ["live"]}'], 10),
    ],
)
def test_a_scope_can_be_given_in_options(busy: Machine, game: Game, words: list[str], count: int) -> None:
    run("plan", "--reason", "x", *words)
    assert Plan.objects.get().planned == count


def test_executing_follows_the_plan_to_its_end(
    busy: Machine, game: Game, while_waiting: Callable[[Callable[[], Any]], None]
) -> None:
    made = plan(game)
    busy_answers: list[Any] = []

    def answer() -> None:
        Plan.objects.filter(pk=made.pk).update(next_at=timezone.now())
        advance()
        busy_answers.extend(answer_all(busy))
        advance(2)

    while_waiting(answer)
    told = run("execute", str(made.pk))
    assert "held     [..............................] 0/0 servers" in told
    assert "watching [##############################] 1/1 servers; 10 closed, 0 gone, 0 changed" in told
    assert busy_answers


def test_an_emergency_needs_no_scope_and_no_worker(
    busy: Machine, game: Game, while_waiting: Callable[[Callable[[], Any]], None]
) -> None:
    while_waiting(lambda: (answer_all(busy), Plan.objects.update(next_at=timezone.now())))
    told = run("emergency", "--reason", "servers die", "--hold", "0", "--no-canary")
    assert "scope    everything not essential" in told
    assert "1/1 servers; 10 closed" in told
    assert Plan.objects.get().origin == "emergency"


def test_what_is_taken_back_meanwhile_ends_the_command(
    busy: Machine, game: Game, while_waiting: Callable[[Callable[[], Any]], None]
) -> None:
    made = plan(game)
    while_waiting(lambda: run("undo", str(made.pk)))
    with pytest.raises(CommandError, match=f"Plan {made.pk} is undone"):
        run("execute", str(made.pk))


def test_a_running_plan_is_stopped(busy: Machine, game: Game) -> None:
    run("emergency", "--reason", "x", "--hold", "0", "--no-wait")
    advance()
    assert "is stopped" in run("stop", str(Plan.objects.get().pk))
    assert "aborted" in run("status")


def test_status_shows_the_latest_plan(busy: Machine, game: Game) -> None:
    plan(game)
    made = plan(game)
    assert run("status").startswith(f"Plan {made.pk} (planned)")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status"], "no plan yet"),
        (["status", "99"], "no plan 99"),
        (["execute", "99"], "no plan 99"),
        (["plan", "--reason", "x"], "Name what to close"),
        (["plan", "--reason", "x", "--scope", "{"], "--scope takes JSON"),
        (["plan", "--reason", "x", "--state", "dead"], "states is a list"),
        (["emergency", "--reason", " "], "reason"),
    ],
)
def test_it_says_what_is_wrong(game: Game, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)


def test_a_sweep_tells_what_it_found(busy: Machine, game: Game) -> None:
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now)
    busy.send(opened=[opened(50, state="stale")])
    assert "0 servers lost, 0 back, 0 ended; 1 stale connections, ordered cleaned by plan" in run(command="sweep")
    ServerState.objects.update(due_at=now - timedelta(hours=2))
    assert "1 servers lost, 0 back, 1 ended" in (told := run(command="sweep"))
    assert "dropped 11 connections of ended servers" in told


def test_a_sweep_that_may_not_look_says_why(busy: Machine, game: Game) -> None:
    IngestPulse.objects.all().delete()
    with pytest.raises(CommandError, match="Nothing was swept"):
        run(command="sweep")


def test_the_games_plans_are_kept_apart(busy: Machine, game: Game, other_game: Game) -> None:
    made = plan(game)
    with pytest.raises(CommandError, match=f"no plan {made.pk}"):
        run("--game", "raceway", "status", str(made.pk))
