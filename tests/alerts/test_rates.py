"""Rates when one server takes another's place."""

from datetime import timedelta

import pytest

from connmon.accounts.models import Game
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Alert
from connmon.registry.models import ServerState
from connmon.telemetry.actions import make_samples
from tests.alerts.room import MakeRule
from tests.conftest import NOW
from tests.dashboard.factories import Counters, ServerSpec, put_server

TEN = timedelta(seconds=10)


@pytest.mark.django_db
def test_a_server_that_comes_back_as_another_goes_opened_nothing(watched: Game, make_rule: MakeRule) -> None:
    make_rule("threshold", name="storm", series="opened_per_second", threshold=100)
    young = put_server(watched, ServerSpec("young", {"Combat": Counters(opened=10)}), now=NOW)
    old = put_server(watched, ServerSpec("old", {"Combat": Counters(opened=90_000)}), now=NOW)
    ServerState.objects.filter(server_id=old.pk).update(due_at=NOW - TEN)
    make_samples(now=NOW - TEN)
    ServerState.objects.filter(server_id=old.pk).update(due_at=NOW + TEN)
    ServerState.objects.filter(server_id=young.pk).update(due_at=NOW - TEN, superseded=True)
    young.ended_at = NOW
    young.save()
    make_samples(now=NOW)
    evaluate(now=NOW)
    assert not Alert.objects.exists()
