"""The watch over all games goes on, whatever one of them sends and the clock does."""

import asyncio
from datetime import datetime, timedelta

import pytest
from psycopg_pool import AsyncConnectionPool

from connmon.accounts.models import Game
from connmon.alerts.actions import RuleSpec, create_rule
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Alert, Rule
from connmon.alerts.observe import observe as real
from connmon.alerts.readings import Readings
from connmon.alerts.rules import Observation
from connmon.core.database import conninfo
from connmon.registry.models import ServerState
from connmon.registry.refusals import Refusals
from connmon.telemetry.models import ServiceSample
from tests.alerts.room import BY, MakeRule, evaluate_until
from tests.conftest import NOW
from tests.dashboard.factories import Counters, ServerSpec, put_samples, put_server, put_service
from tests.machine import encode, make_report

SECOND = timedelta(seconds=1)


def refuse(game: Game, servers: range, at: datetime) -> None:
    async def run() -> None:
        async with AsyncConnectionPool(conninfo(), min_size=0, max_size=1, open=False) as pool:
            kept = Refusals(pool, clock=lambda: at)
            for number in servers:
                body = encode(make_report(server={"id": f"s-{number}", "boot": "b"}))
                kept.add(game.pk, code="invalid-report", detail="x", pointer="$.seq", body=body)
            await kept.step()

    asyncio.run(run())


@pytest.mark.django_db(transaction=True)
def test_a_fleet_larger_than_what_is_listed_is_counted_whole(watched: Game, make_rule: MakeRule) -> None:
    """1,000 servers, each refused every ten seconds: 100 a second."""
    make_rule("refused_reports_surge", threshold=5)
    at = NOW
    for _ in range(12):
        for part in range(10):
            refuse(watched, range(part * 100, part * 100 + 100), at + part * SECOND)
        evaluate(now=at + 10 * SECOND - SECOND)
        at += 10 * SECOND
    assert [alert.kind for alert in Alert.objects.filter(state="firing")] == ["refused_reports_surge"]


@pytest.mark.django_db
def test_a_clock_that_came_back_does_not_end_the_watch(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost")
    put_server(watched, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    evaluate(now=NOW + timedelta(hours=1))
    at, fired = NOW, 0
    for _ in range(30):
        fired += evaluate(now=at)
        at += 10 * SECOND
    assert fired == 1


@pytest.mark.django_db
def test_what_one_game_sends_does_not_end_the_watch_over_others(
    watched: Game, other_game: Game, make_rule: MakeRule
) -> None:
    make_rule("stale_surge", name="first")
    services = {"Combat": Counters(opened=2**53 - 1)}
    for number in range(1_025):
        put_server(watched, ServerSpec(f"s-{number}", services), now=NOW)
    spec = RuleSpec(name="lost", kind="server_lost", threshold=1, hold_seconds=0, keep_seconds=0)
    create_rule(other_game, spec, by=BY, now=NOW)
    put_server(other_game, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    evaluate(now=NOW)
    assert Alert.objects.filter(state="firing", game=other_game, name="lost").exists()


@pytest.mark.django_db
def test_a_fault_in_one_game_does_not_end_the_watch_over_others(
    watched: Game, other_game: Game, make_rule: MakeRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    def observe(rule: Rule, readings: Readings) -> Observation | None:
        if rule.game_id == watched.pk:
            raise ValueError
        return real(rule, readings)

    make_rule("server_lost")
    put_server(other_game, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    monkeypatch.setattr("connmon.alerts.evaluate.observe", observe)
    evaluate(now=NOW)
    evaluate(now=NOW + 60 * SECOND)
    evaluate_until(NOW + 120 * SECOND)
    assert {alert.game_id for alert in Alert.objects.all()} == {other_game.pk}


@pytest.mark.django_db
def test_a_rate_of_a_service_that_nobody_runs_any_more_is_over(watched: Game, make_rule: MakeRule) -> None:
    make_rule("threshold", name="storm", series="opened_per_second", service="Combat", threshold=1)
    put_server(watched, ServerSpec(services={"Combat": Counters()}), now=NOW)
    growing = [Counters(opened=100), Counters(opened=200)]
    put_samples(watched, {put_service(watched, "Combat"): growing}, now=NOW)
    ServiceSample.objects.filter(at=NOW).update(opened_new=100, watched=10)
    evaluate(now=NOW)
    assert Alert.objects.get().state == "firing"
    # The server is replaced by one of a version that has no such service.
    ServerState.objects.all().delete()
    after = NOW + timedelta(minutes=30)
    put_server(watched, ServerSpec("s-2", {"CombatTwo": Counters()}), now=after)
    put_samples(watched, {put_service(watched, "CombatTwo"): [Counters()] * 150}, now=after)
    evaluate_until(after)
    assert Alert.objects.get().state == "resolved"
