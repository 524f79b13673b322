"""What Celery runs."""

from datetime import timedelta

import pytest

from connmon import tasks
from connmon.accounts.models import Game
from connmon.alerts.destinations import DestinationSpec, create_destination, send_test
from connmon.alerts.messages import Message
from connmon.alerts.models import Alert, Delivery, Destination, Watch
from connmon.alerts.outbound import Outcome
from connmon.celery import app
from tests.alerts.room import BY, MakeRule, Outside
from tests.conftest import NOW
from tests.dashboard.factories import ServerSpec, put_server

pytestmark = pytest.mark.django_db


def test_a_lost_server_is_told_outside_by_two_tasks(
    watched: Game, make_rule: MakeRule, destination: Destination, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stand:
        def __call__(self, message: Message) -> Outcome:
            return outside(message)

    monkeypatch.setattr(tasks, "Sender", Stand)
    monkeypatch.setattr("connmon.tasks.timezone.now", lambda: NOW)
    make_rule("server_lost")
    put_server(watched, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    tasks.evaluate_alerts()
    tasks.deliver_alerts()
    tasks.drop_old_alerts()
    assert (len(outside.sent), Alert.objects.get().state, Delivery.objects.get().state) == (1, "firing", "sent")


def test_a_destination_that_leads_inside_is_never_called_by_the_real_sender(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connmon.tasks.timezone.now", lambda: NOW)
    spec = DestinationSpec(name="Inside", kind="webhook", address="https://127.0.0.1:1/")
    send_test(game, create_destination(game, spec, by=BY, now=NOW).pk, by=BY, now=NOW)
    tasks.deliver_alerts()
    delivery = Delivery.objects.get()
    assert (delivery.state, "not on the public internet" in delivery.detail) == ("dead", True)


def test_evaluation_notes_that_it_ran(db: None) -> None:
    tasks.evaluate_alerts()
    assert Watch.objects.count() == 1


@pytest.mark.parametrize("task", [tasks.evaluate_alerts, tasks.deliver_alerts, tasks.drop_old_alerts])
def test_beat_sends_each_and_drops_what_nobody_took(task: object) -> None:
    (entry,) = [one for one in app.conf.beat_schedule.values() if one["task"] == task.name]  # type: ignore[attr-defined]
    assert entry["options"]["expires"] <= entry["schedule"]
