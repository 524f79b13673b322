"""Leaks of a rung as alarms."""

from datetime import timedelta

import pytest

from connmon.accounts.models import Game
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Alert
from connmon.leaks.models import Leak
from tests.alerts.room import MakeRule, evaluate_until
from tests.conftest import NOW
from tests.leaks.ledger import put_leak

pytestmark = pytest.mark.django_db


def firing() -> list[Alert]:
    return list(Alert.objects.filter(state="firing").order_by("kind"))


def test_leaks_of_each_rung_are_an_alarm_of_their_own(watched: Game, make_rule: MakeRule) -> None:
    make_rule("leak_confirmed", severity="critical")
    make_rule("leak_likely")
    small = put_leak(watched, now=NOW, count=2)
    large = put_leak(watched, "Shop", site="Shop:7", now=NOW, count=9)
    put_leak(watched, "Loot", site="Loot:1", rung="suspect", now=NOW)
    evaluate(now=NOW)
    (alert,) = firing()
    assert (alert.kind, alert.severity) == ("leak_confirmed", "critical")
    assert alert.things == [f"Shop: Shop:7 (leak {large.pk})", f"CombatService: Combat:118 (leak {small.pk})"]
    assert alert.summary == f"2 confirmed leaks (at least 1): {', '.join(alert.things)}"


def test_an_ignored_leak_alarms_nobody_until_it_is_heard_again(watched: Game, make_rule: MakeRule) -> None:
    make_rule("leak_confirmed")
    put_leak(watched, now=NOW, ignored_until=NOW + timedelta(seconds=30))
    evaluate(now=NOW)
    assert firing() == []
    evaluate_until(NOW + timedelta(seconds=30))
    assert len(firing()) == 1


def test_a_leak_that_is_not_found_any_more_resolves_the_alarm(watched: Game, make_rule: MakeRule) -> None:
    make_rule("leak_likely", keep_seconds=20)
    put_leak(watched, rung="likely", now=NOW)
    evaluate(now=NOW)
    assert len(firing()) == 1
    Leak.objects.update(last_seen_at=NOW - timedelta(minutes=10))
    evaluate_until(NOW + timedelta(seconds=30))
    assert Alert.objects.get().state == "resolved"


def test_another_games_leak_is_no_alarm_here(watched: Game, other_game: Game, make_rule: MakeRule) -> None:
    make_rule("leak_confirmed")
    put_leak(other_game, now=NOW)
    evaluate(now=NOW)
    assert firing() == []
