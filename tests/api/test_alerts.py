"""Alerts over REST."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.alerts.evaluate import evaluate
from connmon.alerts.models import Alert, Desk, Destination, Rule, Watch
from connmon.core.ids import NewKey
from tests.dashboard.factories import ServerSpec, put_server
from tests.machine import Answer, Site

MakeKey = Callable[..., NewKey]
PATH = "/api/v1/alerts"
RULE = {"name": "Lost", "kind": "server_lost", "threshold": 1, "hold_seconds": 0}
HOOK = {"name": "Hook", "kind": "webhook", "address": "https://example.com/secret-part", "secret": "s" * 20}
CHANGES = [
    ("POST", "rules"), ("PATCH", "rules/1"), ("DELETE", "rules/1"), ("POST", "1/snooze"), ("POST", "silences"),
    ("DELETE", "silences/1"), ("POST", "destinations"), ("PATCH", "destinations/1"), ("DELETE", "destinations/1"),
    ("POST", "destinations/1/test"), ("POST", "deliveries/1/retry"),
]  # fmt: skip


@pytest.fixture
def ops(make_key: MakeKey) -> NewKey:
    return make_key("read", "execute")


@pytest.fixture
def here(transactional_db: None, site: Site, game: Game) -> Site:
    return site


@pytest.fixture
def firing(here: Site, game: Game, ops: NewKey) -> Alert:
    """A lost server that fires."""
    now = timezone.now()
    Desk.objects.create(game=game, made_at=now)
    Watch.objects.create(pk=1, last_at=now - timedelta(seconds=10), up_since=now - timedelta(hours=1))
    send(here, "POST", "rules", RULE, ops)
    put_server(game, ServerSpec(age=timedelta(minutes=5)), now=now)
    evaluate(now=now)
    return Alert.objects.get()


def send(site: Site, method: str, path: str, body: Any, key: NewKey) -> Answer:
    headers = {"authorization": f"Bearer {key.plaintext}", "content-type": "application/json"}
    return site.request(method, f"{PATH}/{path}", body=json.dumps(body).encode(), headers=headers)


def test_a_rule_is_made_shown_changed_and_removed(here: Site, ops: NewKey) -> None:
    made = send(here, "POST", "rules", RULE, ops)
    path = f"rules/{made.body['id']}"
    assert (made.status, made.body["severity"], made.body["comparator"]) == (201, "warning", "at_least")
    assert here.get(f"{PATH}/rules", key=ops).body["results"] == [made.body]
    changed = send(here, "PATCH", path, {"severity": "critical"}, ops)
    assert here.get(f"{PATH}/{path}", key=ops).body == changed.body == {**made.body, "severity": "critical"}
    assert here.request("DELETE", f"{PATH}/{path}", headers={"authorization": f"Bearer {ops.plaintext}"}).status == 204
    assert not Rule.objects.exists()


def test_a_firing_alert_is_listed_and_snoozed(here: Site, firing: Alert, ops: NewKey) -> None:
    (row,) = here.get(PATH, key=ops).body["results"]
    assert (row["state"], row["things"], row["count"]) == ("firing", ["server-1"], 1)
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    snoozed = send(here, "POST", f"{firing.pk}/snooze", {"until": until}, ops)
    assert (snoozed.status, snoozed.body["snoozed_by"][:3]) == (200, "Key")
    assert send(here, "POST", f"{firing.pk}/snooze", {"until": None}, ops).body["snoozed_until"] is None
    assert [one["id"] for one in here.get(f"{PATH}/history?state=firing", key=ops).body["results"]] == [firing.pk]


def test_a_silence_is_made_listed_and_ended(here: Site, ops: NewKey) -> None:
    ends = (timezone.now() + timedelta(hours=1)).isoformat()
    made = send(here, "POST", "silences", {"ends_at": ends, "reason": "update", "kind": "server_lost"}, ops)
    assert made.status == 201
    assert here.get(f"{PATH}/silences", key=ops).body["results"] == [made.body]
    assert send(here, "DELETE", f"silences/{made.body['id']}", {}, ops).status == 204
    assert here.get(f"{PATH}/silences", key=ops).body["results"] == []


def test_a_destinations_secrets_are_never_shown_again(here: Site, ops: NewKey) -> None:
    made = send(here, "POST", "destinations", HOOK, ops)
    listed = here.get(f"{PATH}/destinations", key=ops)
    changed = send(here, "PATCH", f"destinations/{made.body['id']}", {"enabled": False}, ops)
    assert (made.status, changed.status) == (201, 200)
    assert (made.body["shown_address"], made.body["has_secret"]) == ("https://example.com/…", True)
    assert Destination.objects.get().secret == HOOK["secret"]  # a change of something else keeps it
    for answer in (made, listed, changed):
        assert HOOK["secret"] not in str(answer.body)
        assert "secret-part" not in str(answer.body)


def test_a_test_answers_with_its_delivery(here: Site, ops: NewKey) -> None:
    made = send(here, "POST", "destinations", HOOK, ops)
    tested = send(here, "POST", f"destinations/{made.body['id']}/test", {}, ops)
    assert (tested.status, tested.body["state"], tested.body["alert"]) == (202, "pending", None)
    assert here.get(f"{PATH}/deliveries/{tested.body['id']}", key=ops).body == tested.body
    assert here.get(f"{PATH}/deliveries?state=dead", key=ops).body["results"] == []
    assert send(here, "POST", f"deliveries/{tested.body['id']}/retry", {}, ops).status == 409


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("rules", {}, 400),
        ("rules", {**RULE, "kind": "weather"}, 400),
        ("rules", {**RULE, "hold_seconds": 10**12}, 422),
        ("rules", {**RULE, "service": "Combat"}, 422),
        ("silences", {"ends_at": "2001-01-01T00:00:00Z", "reason": "late"}, 422),
        ("silences", {"ends_at": "soon", "reason": "x"}, 400),
        ("destinations", {**HOOK, "address": "https://2130706433/"}, 422),
        ("1/snooze", {"until": None}, 404),
        ("rules/99999999999999999999", {}, 405),
    ],
    ids=str,
)
def test_bad_input_is_refused_with_its_reason(here: Site, ops: NewKey, path: str, body: Any, status: int) -> None:
    answer = send(here, "POST", path, body, ops)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), CHANGES, ids="-".join)
def test_every_change_takes_the_scope_execute(here: Site, make_key: MakeKey, method: str, path: str) -> None:
    assert send(here, method, path, {}, make_key("read", "plan")).status == 403


def test_a_key_reaches_its_own_game_only(here: Site, firing: Alert, make_key: MakeKey, other_game: Game) -> None:
    other = make_key("read", "execute", of=other_game)
    assert here.get(PATH, key=other).body["results"] == []
    assert here.get(f"{PATH}/rules/{firing.rule_id}", key=other).status == 404
    assert send(here, "POST", f"{firing.pk}/snooze", {"until": None}, other).status == 404
