"""Two workers at one alert."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from connmon.accounts.models import Game
from connmon.alerts import outbox
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Delivery, Destination
from connmon.registry.models import ServerState
from tests.alerts.room import MakeRule
from tests.conftest import NOW
from tests.dashboard.factories import ServerSpec, put_server

TEN = timedelta(seconds=10)


@pytest.mark.django_db(transaction=True)
def test_the_end_is_told_though_a_worker_stood_still_while_it_told_the_beginning(
    watched: Game, make_rule: MakeRule, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_server(watched, ServerSpec(age=timedelta(minutes=5)), now=NOW)
    make_rule("server_lost", severity="critical")
    evaluate(now=NOW)
    real, begun, go_on = outbox.muted_until, threading.Event(), threading.Event()

    def slow(*args: Any, **named: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return real(*args, **named)

    monkeypatch.setattr(outbox, "muted_until", slow)

    def tell() -> None:
        try:
            outbox.dispatch_one(now=NOW)
        finally:
            connection.close()

    worker = threading.Thread(target=tell)
    worker.start()
    assert begun.wait(30)
    ServerState.objects.update(due_at=NOW + timedelta(days=9))

    def resolve() -> None:
        try:
            evaluate(now=NOW + TEN)
            outbox.dispatch_one(now=NOW + TEN)
        finally:
            connection.close()

    other = threading.Thread(target=resolve)
    other.start()
    other.join(2)  # waits for the first one, or is through
    go_on.set()
    worker.join(30)
    other.join(30)
    monkeypatch.setattr(outbox, "muted_until", real)
    while outbox.dispatch_one(now=NOW + 2 * TEN):
        pass
    assert [one.event["state"] for one in Delivery.objects.order_by("id")] == ["firing", "resolved"]
