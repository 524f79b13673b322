"""What people do with rules, alerts, silences and destinations."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from connmon.accounts.models import AuditEntry, Game
from connmon.alerts import actions, destinations, queries
from connmon.alerts.actions import RuleSpec
from connmon.alerts.destinations import DestinationSpec
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Alert, Destination, Rule
from connmon.core.errors import Conflict, Invalid, NotFound
from tests.alerts.room import BY, HOOK, SECRET, MakeRule
from tests.conftest import NOW
from tests.dashboard.factories import ServerSpec, put_server

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
GOOD: dict[str, Any] = {"name": "Lost", "kind": "server_lost", "threshold": 1}


def said(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


@pytest.fixture
def alert(watched: Game, make_rule: MakeRule) -> Alert:
    """A firing one."""
    make_rule("server_lost")
    put_server(watched, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    evaluate(now=NOW)
    return Alert.objects.get()


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": "a\nb"}, {"name": "x" * 81}, {"kind": "weather"}, {"threshold": float("nan")},
        {"threshold": float("inf")}, {"comparator": "near"}, {"severity": "bad"}, {"hold_seconds": -1},
        {"keep_seconds": 86_401}, {"series": "live"}, {"service": "Combat"}, {"kind": "threshold"},
        {"kind": "threshold", "series": "players", "service": "Combat"}, {"kind": "threshold", "series": "height"},
    ],
    ids=str,
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(game: Game, change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        actions.create_rule(game, RuleSpec(**{**GOOD, **change}), by=BY, now=NOW)
    assert not Rule.objects.exists()


def test_a_rules_name_is_its_own_in_the_game(game: Game, other_game: Game) -> None:
    actions.create_rule(game, RuleSpec(**GOOD), by=BY, now=NOW)
    actions.create_rule(other_game, RuleSpec(**GOOD), by=BY, now=NOW)
    with pytest.raises(Conflict):
        actions.create_rule(game, RuleSpec(**GOOD), by=BY, now=NOW)


def test_a_game_has_a_bounded_number_of_rules(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_RULES", 1)
    actions.create_rule(game, RuleSpec(**GOOD), by=BY, now=NOW)
    with pytest.raises(Conflict):
        actions.create_rule(game, RuleSpec(**{**GOOD, "name": "Another"}), by=BY, now=NOW)


def test_a_change_of_a_rule_is_in_the_audit_trail_with_what_changed(game: Game) -> None:
    rule = actions.create_rule(game, RuleSpec(**GOOD), by=BY, now=NOW)
    actions.change_rule(game, rule.pk, {"threshold": 3.0}, by=BY, now=NOW)
    entry = said("alert.rule_changed")
    assert (entry.before, entry.after, entry.actor) == ({"threshold": 1.0}, {"threshold": 3.0}, BY.label)


@pytest.mark.parametrize("end", ["change", "disable", "delete"])
def test_what_a_rule_had_firing_ends_with_it(alert: Alert, end: str) -> None:
    game, rule_id = alert.game, alert.rule_id
    assert rule_id is not None
    if end == "delete":
        actions.delete_rule(game, rule_id, by=BY, now=NOW)
    else:
        change: dict[str, Any] = {"enabled": False} if end == "disable" else {"threshold": 2.0}
        actions.change_rule(game, rule_id, change, by=BY, now=NOW)
    assert [one.state for one in queries.alert_history(game.pk)] == ["resolved"]


def test_a_snooze_has_an_end_and_an_author(alert: Alert) -> None:
    snoozed = actions.snooze_alert(alert.game, alert.pk, until=NOW + HOUR, by=BY, now=NOW)
    assert (snoozed.snoozed_until, snoozed.snoozed_by) == (NOW + HOUR, BY.label)
    assert said("alert.snoozed").target == "server_lost"


@pytest.mark.parametrize("until", [NOW, NOW - HOUR, NOW + timedelta(days=31)])
def test_a_snooze_without_a_sensible_end_is_refused(alert: Alert, until: Any) -> None:
    with pytest.raises(Invalid):
        actions.snooze_alert(alert.game, alert.pk, until=until, by=BY, now=NOW)


def test_what_is_over_cannot_be_snoozed(alert: Alert) -> None:
    actions.delete_rule(alert.game, alert.rule_id or 0, by=BY, now=NOW)
    with pytest.raises(Conflict):
        actions.snooze_alert(alert.game, alert.pk, until=NOW + HOUR, by=BY, now=NOW)


def test_a_silence_ends_once(game: Game) -> None:
    silence = actions.create_silence(game, starts_at=NOW, ends_at=NOW + HOUR, reason="update", by=BY, now=NOW)
    actions.end_silence(game, silence.pk, by=BY, now=NOW)
    with pytest.raises(Conflict):
        actions.end_silence(game, silence.pk, by=BY, now=NOW)
    assert (said("alert.silenced").target, said("alert.silence_ended").target) == ("all alerts", "all alerts")


def test_a_silence_wants_a_reason(game: Game) -> None:
    with pytest.raises(Invalid):
        actions.create_silence(game, starts_at=NOW, ends_at=NOW + HOUR, reason=" ", by=BY, now=NOW)


def test_the_audit_trail_has_no_secret_of_a_destination(destination: Destination) -> None:
    game = destination.game
    destinations.change_destination(game, destination.pk, {"secret": "t" * 20}, by=BY, now=NOW)
    destinations.send_test(game, destination.pk, by=BY, now=NOW)
    destinations.delete_destination(game, destination.pk, by=BY, now=NOW)
    entries = AuditEntry.objects.filter(action__startswith="alert.destination_")
    text = str(list(entries.values()))
    assert entries.count() == 4
    assert not [secret for secret in (SECRET, "t" * 20, "secret-part") if secret in text]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "pager"}, {"address": "http://example.com/"}, {"address": "https://127.1/"}, {"secret": "short"},
        {"kind": "slack", "secret": SECRET}, {"least_severity": "bad"}, {"name": ""},
        {"kind": "email", "address": "ops@example.com"},  # no mail server is set
    ],
    ids=str,
)  # fmt: skip
def test_a_destination_that_cannot_be_is_refused(game: Game, settings: Any, change: dict[str, Any]) -> None:
    settings.EMAIL_HOST = ""
    good = {"name": "Hook", "kind": "webhook", "address": HOOK}
    with pytest.raises(Invalid):
        destinations.create_destination(game, DestinationSpec(**good | change), by=BY, now=NOW)


def test_tests_of_a_destination_are_spaced_out(destination: Destination) -> None:
    destinations.send_test(destination.game, destination.pk, by=BY, now=NOW)
    with pytest.raises(Conflict):
        destinations.send_test(destination.game, destination.pk, by=BY, now=NOW)
    destinations.send_test(destination.game, destination.pk, by=BY, now=NOW + destinations.TEST_EVERY)


def test_nothing_of_another_game_is_found(alert: Alert, destination: Destination, other_game: Game) -> None:
    other = other_game.pk
    for find in (queries.find_alert, queries.find_rule, queries.find_silence, queries.find_delivery):
        with pytest.raises(NotFound):
            find(other, alert.pk)
    with pytest.raises(NotFound):
        queries.find_destination(other, destination.pk)
    assert not queries.active_alerts(other).exists()
    assert not queries.alert_history(other).exists()


def test_the_most_severe_firing_alert_comes_first(alert: Alert, make_rule: MakeRule) -> None:
    make_rule("server_lost", name="worse", severity="critical")
    make_rule("server_lost", name="waiting", severity="critical", threshold=1, hold_seconds=3_600)
    evaluate(now=NOW + timedelta(seconds=10))
    names = [one.name for one in queries.active_alerts(alert.game_id, pending=True)]
    assert names == ["worse", "server_lost", "waiting"]


def test_spans_are_those_that_touch_the_time_shown(alert: Alert) -> None:
    def found(since: timedelta, until: timedelta) -> int:
        alerts = queries.alert_history(alert.game_id)
        return queries.fired_between(alerts, since=NOW + since, until=NOW + until).count()

    assert (found(-HOUR, HOUR), found(-2 * HOUR, -HOUR), found(HOUR, 2 * HOUR)) == (1, 0, 1)
    actions.delete_rule(alert.game, alert.rule_id or 0, by=BY, now=NOW)
    assert found(HOUR, 2 * HOUR) == 0


def test_the_active_alerts_of_a_game_are_one_query(
    alert: Alert, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        list(queries.active_alerts(alert.game_id))
