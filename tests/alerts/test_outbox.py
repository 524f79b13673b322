"""From a transition to messages: who is told, when, and how often."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connmon.accounts.models import Game
from connmon.alerts import actions, destinations, outbox
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Alert, Delivery, Destination, Rule
from connmon.alerts.outbound import Outcome
from connmon.alerts.rules import BACKOFF
from connmon.registry.models import ServerState
from tests.alerts.room import BY, SECRET, MakeRule, Outside, evaluate_until
from tests.conftest import NOW
from tests.dashboard.alarms import put_destination
from tests.dashboard.factories import ServerSpec, put_server

pytestmark = pytest.mark.django_db
TEN = timedelta(seconds=10)
HOUR = timedelta(hours=1)


@pytest.fixture
def rule(watched: Game, make_rule: MakeRule, destination: Destination) -> Rule:
    """One that fires when it is first evaluated."""
    put_server(watched, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    return make_rule("server_lost", severity="critical")


def run(outside: Outside, *, now: Any = NOW) -> list[dict[str, Any]]:
    """Dispatches and delivers all that is due; returns what went out so far."""
    while outbox.dispatch_one(now=now):
        pass
    while outbox.deliver_one(now=now, send=outside):
        pass
    return [msgspec.json.decode(message.body) for message in outside.sent]


def come_back() -> None:
    ServerState.objects.update(due_at=NOW + timedelta(days=9))


def test_a_firing_and_its_end_are_told_once_each(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    (told,) = run(outside)
    assert (told["state"], told["severity"], told["things"]) == ("firing", "critical", ["server-1"])
    assert told["summary"] == "1 silent server (at least 1): server-1"
    assert Alert.objects.get().announced_at == NOW
    come_back()
    evaluate_until(NOW + TEN)
    assert [one["state"] for one in run(outside, now=NOW + TEN)] == ["firing", "resolved"]
    assert Delivery.objects.filter(state="sent", alert=Alert.objects.get()).count() == 2


@pytest.mark.parametrize("change", [{"enabled": False}, {"least_severity": "critical"}], ids=str)
def test_a_destination_is_told_only_what_it_wants(
    rule: Rule, destination: Destination, outside: Outside, change: dict[str, Any]
) -> None:
    Rule.objects.update(severity="warning")
    destinations.change_destination(rule.game, destination.pk, change, by=BY, now=NOW)
    evaluate(now=NOW)
    assert run(outside) == []
    assert Alert.objects.get().announced_at is None  # the history says "not told"


def test_another_games_destination_hears_nothing(rule: Rule, other_game: Game, outside: Outside) -> None:
    Destination.objects.update(game=other_game)
    evaluate(now=NOW)
    assert run(outside) == []


def test_a_snoozed_alert_is_told_when_the_snooze_ends_if_it_still_fires(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    actions.snooze_alert(rule.game, Alert.objects.get().pk, until=NOW + HOUR, by=BY, now=NOW)
    assert run(outside) == []
    assert run(outside, now=NOW + HOUR - TEN) == []
    assert len(run(outside, now=NOW + HOUR)) == 1


def test_what_began_and_ended_within_a_silence_is_never_told(rule: Rule, outside: Outside) -> None:
    actions.create_silence(rule.game, starts_at=NOW, ends_at=NOW + HOUR, reason="update", by=BY, now=NOW)
    evaluate(now=NOW)
    run(outside)
    come_back()
    evaluate_until(NOW + TEN)
    assert run(outside, now=NOW + HOUR) == []
    assert Alert.objects.get().state == "resolved"


def test_ending_a_silence_tells_what_it_held_back(rule: Rule, outside: Outside) -> None:
    silence = actions.create_silence(rule.game, starts_at=NOW, ends_at=NOW + HOUR, reason="update", by=BY, now=NOW)
    evaluate(now=NOW)
    assert run(outside) == []
    actions.end_silence(rule.game, silence.pk, by=BY, now=NOW + TEN)
    assert len(run(outside, now=NOW + TEN)) == 1


def test_a_silence_of_something_else_holds_nothing_back(rule: Rule, outside: Outside) -> None:
    actions.create_silence(
        rule.game, kind="stale_surge", starts_at=NOW, ends_at=NOW + HOUR, reason="update", by=BY, now=NOW
    )
    evaluate(now=NOW)
    assert len(run(outside)) == 1


def test_the_end_of_what_was_told_is_told_though_it_is_snoozed_by_then(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    run(outside)
    actions.snooze_alert(rule.game, Alert.objects.get().pk, until=NOW + HOUR, by=BY, now=NOW)
    come_back()
    evaluate_until(NOW + TEN)
    assert [one["state"] for one in run(outside, now=NOW + TEN)] == ["firing", "resolved"]


def test_a_failed_attempt_is_repeated_at_its_deadline(rule: Rule, outside: Outside) -> None:
    outside.outcome = Outcome(False, "Answered with 503.", retry=True)
    evaluate(now=NOW)
    run(outside)
    outside.outcome = Outcome(True, "Answered with 200.")
    run(outside, now=NOW + timedelta(seconds=9))
    assert len(outside.sent) == 1
    run(outside, now=NOW + TEN)
    delivery = Delivery.objects.get()
    assert (len(outside.sent), delivery.state, delivery.attempts) == (2, "sent", 2)


def test_a_delivery_that_fails_for_hours_is_a_dead_letter_and_can_be_sent_again(rule: Rule, outside: Outside) -> None:
    outside.outcome = Outcome(False, "Answered with 503.", retry=True)
    evaluate(now=NOW)
    at = NOW
    for wait in (0, *BACKOFF):
        at += timedelta(seconds=wait)
        run(outside, now=at)
    dead = Delivery.objects.get()
    assert (dead.state, dead.attempts, dead.detail) == ("dead", len(BACKOFF) + 1, "Answered with 503.")
    outside.outcome = Outcome(True, "Answered with 200.")
    destinations.retry_delivery(rule.game, dead.pk, by=BY, now=at)
    run(outside, now=at)
    assert Delivery.objects.get().state == "sent"


def test_what_will_never_be_taken_is_not_repeated(rule: Rule, outside: Outside) -> None:
    outside.outcome = Outcome(False, "Answered with 404.")
    evaluate(now=NOW)
    run(outside)
    assert (Delivery.objects.get().state, len(outside.sent)) == ("dead", 1)


def test_a_delivery_under_way_is_not_taken_by_a_second_worker(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    outbox.dispatch_one(now=NOW)
    second = Outside()

    def send(message: Any) -> Outcome:
        assert not outbox.deliver_one(now=NOW, send=second)
        return outside(message)

    outbox.deliver_one(now=NOW, send=send)
    assert (len(outside.sent), len(second.sent)) == (1, 0)


def test_a_worker_that_died_while_sending_is_followed_by_another(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    outbox.dispatch_one(now=NOW)

    def die(message: Any) -> Outcome:
        raise SystemExit

    with pytest.raises(SystemExit):
        outbox.deliver_one(now=NOW, send=die)
    assert not outbox.deliver_one(now=NOW + TEN, send=outside)
    assert outbox.deliver_one(now=NOW + outbox.CLAIM, send=outside)
    assert Delivery.objects.get().state == "sent"


def test_a_message_that_ends_every_worker_ends_as_a_dead_letter(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    outbox.dispatch_one(now=NOW)
    Delivery.objects.update(attempts=len(BACKOFF) + 1)
    assert outbox.deliver_one(now=NOW, send=outside)
    assert (Delivery.objects.get().state, outside.sent) == ("dead", [])


def test_what_has_failed_before_waits_for_what_was_never_tried(
    rule: Rule, other_game: Game, destination: Destination, outside: Outside
) -> None:
    for _ in range(3):
        failed = outbox.queue(destination, outbox.make_test_event(destination, now=NOW), alert=None, now=NOW - HOUR)
        Delivery.objects.filter(pk=failed.pk).update(attempts=1)
    theirs = put_destination(other_game, "theirs")
    outbox.queue(theirs, outbox.make_test_event(theirs, now=NOW), alert=None, now=NOW)
    assert outbox.deliver_one(now=NOW, send=outside)
    assert Delivery.objects.get(destination=theirs).state == "sent"
    assert len(run(outside)) == 4


def test_a_webhook_is_signed_over_time_and_body(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    run(outside)
    (message,) = outside.sent
    stamp = str(int(NOW.timestamp()))
    wanted = hmac.new(SECRET.encode(), f"{stamp}.".encode() + message.body, hashlib.sha256).hexdigest()
    assert message.headers["Connmon-Signature"] == f"t={stamp},v1={wanted}"


def test_old_alerts_and_deliveries_are_dropped(rule: Rule, outside: Outside) -> None:
    evaluate(now=NOW)
    run(outside)
    come_back()
    evaluate_until(NOW + TEN)
    outbox.drop_old(now=NOW + timedelta(days=31))
    assert (Delivery.objects.count(), Alert.objects.count()) == (0, 1)
    outbox.drop_old(now=NOW + timedelta(days=91))
    assert not Alert.objects.exists()
