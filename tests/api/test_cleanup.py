"""Cleanup over REST: who may do what, what is answered, what a bad request comes to."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup.models import Order, Plan
from connmon.core.ids import NewKey
from tests.cleanup.steering import advance, answer_all, connections, fetch
from tests.machine import Answer, Machine, Site, opened

MakeKey = Callable[..., NewKey]
PLANS = "/api/v1/cleanup/plans"
EMERGENCY = "/api/v1/cleanup/emergency"
EVERYTHING = {"everything": True}
WISH = {"scope": EVERYTHING, "reason": "memory climbs", "canary": False}
NOW_ALL = {"reason": "servers die", "hold_s": 0, "canary": False}


@pytest.fixture
def ops(make_key: MakeKey) -> NewKey:
    return make_key("read", "plan", "execute")


@pytest.fixture
def busy(server: Machine) -> Machine:
    server.send_first(opened=connections(10))
    return server


def send(site: Site, path: str, body: Any, key: NewKey, **headers: str) -> Answer:
    sent = {"authorization": f"Bearer {key.plaintext}", "content-type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.request("POST", path, body=raw, headers=sent)


def planned(busy: Machine, ops: NewKey, **changes: Any) -> int:
    answer = send(busy.site, PLANS, WISH | changes, ops)
    assert answer.status == 201, answer
    return int(answer.body["id"])


def emergency(site: Site, key: NewKey, body: Any = NOW_ALL, idempotency: str = "k-1") -> Answer:
    return send(site, EMERGENCY, body, key, idempotency_key=idempotency)


def test_a_plan_answers_with_its_dry_run(busy: Machine, ops: NewKey) -> None:
    body = send(busy.site, PLANS, WISH, ops).body
    assert (body["state"], body["planned"], body["scope"], body["created_by"][:3]) == ("planned", 10, EVERYTHING, "Key")
    assert body["summary"]["by_service"] == [{"name": "CombatService", "connections": 10}]
    assert busy.site.get(f"{PLANS}/{body['id']}", key=ops).body == body
    assert [row["id"] for row in busy.site.get(f"{PLANS}?state=planned", key=ops).body["results"]] == [body["id"]]
    assert busy.site.get(f"{PLANS}?state=done", key=ops).body["results"] == []


def test_a_plan_goes_from_dry_run_to_the_outcome_of_each_connection(busy: Machine, ops: NewKey) -> None:
    number = planned(busy, ops)
    executed = send(busy.site, f"{PLANS}/{number}/execute", {}, ops)
    assert (executed.status, executed.body["state"]) == (202, "held")
    Plan.objects.update(next_at=executed.body["created_at"])
    advance()
    answer_all(busy)
    advance(2)
    shown = busy.site.get(f"{PLANS}/{number}", key=ops).body
    assert (shown["state"], shown["progress"]["closed"], shown["came_back"][0]["ordered"]) == ("watching", 10, 10)
    (order,) = busy.site.get(f"{PLANS}/{number}/orders", key=ops).body["results"]
    assert (order["server"], order["state"], order["closed"], order["sends"]) == ("server-1", "done", 10, 1)
    told = busy.site.get(f"{PLANS}/{number}/orders/{order['id']}", key=ops).body["results"]
    assert [one["outcome"] for one in told] == ["closed"] * 10
    assert told[0]["opened_at"] == connections(1)[0]["at"]


def test_a_plan_can_be_taken_back_while_it_is_held(busy: Machine, ops: NewKey) -> None:
    number = planned(busy, ops)
    send(busy.site, f"{PLANS}/{number}/execute", {}, ops)
    answer = send(busy.site, f"{PLANS}/{number}/undo", {}, ops)
    assert (answer.status, answer.body["state"]) == (200, "undone")
    again = send(busy.site, f"{PLANS}/{number}/undo", {}, ops)
    assert (again.status, again.code) == (409, "conflict")


def test_a_plan_is_executed_once(busy: Machine, ops: NewKey) -> None:
    number = planned(busy, ops)
    answers = [send(busy.site, f"{PLANS}/{number}/execute", {}, ops) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 409]


def test_a_running_plan_can_be_stopped(busy: Machine, ops: NewKey) -> None:
    number = emergency(busy.site, ops).body["id"]
    advance()
    answer = send(busy.site, f"{PLANS}/{number}/stop", {"reason": "wrong game"}, ops)
    assert (answer.body["state"], answer.body["detail"]) == ("aborted", "wrong game")
    assert answer.body["progress"]["never_sent"] == 10


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({}, 400),
        ({"scope": EVERYTHING}, 400),
        ({"reason": "x"}, 400),
        ({**WISH, "scope": {}}, 422),
        ({**WISH, "scope": {"states": ["dead"]}}, 422),
        ({**WISH, "scope": {"service": "Nope"}}, 422),
        ({**WISH, "scope": {"without": [1]}}, 422),
        ({**WISH, "reason": "x" * 501}, 400),
        ({**WISH, "reason": "a\u0000b"}, 400),
        ({**WISH, "servers_per_second": 0}, 400),
        ({**WISH, "servers_per_second": "NaN"}, 400),
        ({**WISH, "servers_per_second": "many"}, 400),
    ],
    ids=str,
)
def test_a_plan_of_no_form_is_refused(busy: Machine, ops: NewKey, body: Any, status: int) -> None:
    answer = send(busy.site, PLANS, body, ops)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert not Plan.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "scopes"),
    [
        (PLANS, WISH, ("read", "execute", "report")),
        (f"{PLANS}/%d/execute", {}, ("read", "plan", "report")),
        (f"{PLANS}/%d/undo", {}, ("read", "plan")),
        (f"{PLANS}/%d/stop", {}, ("read", "plan")),
        (EMERGENCY, NOW_ALL, ("read", "plan", "report")),
    ],
)
def test_each_act_takes_its_scope(
    busy: Machine, ops: NewKey, make_key: MakeKey, path: str, body: Any, scopes: tuple[str, ...]
) -> None:
    number = planned(busy, ops)
    address = path % number if "%d" in path else path
    answer = send(busy.site, address, body, make_key(*scopes), idempotency_key="k-9")
    assert (answer.status, answer.code) == (403, "permission-denied")
    assert Plan.objects.get().state == "planned"


@pytest.mark.parametrize("act", ["", "/execute", "/undo", "/stop", "/orders", "/orders/ord_1"])
def test_another_games_plan_is_not_found(
    busy: Machine, ops: NewKey, make_key: MakeKey, other_game: Game, act: str
) -> None:
    stranger = make_key("read", "plan", "execute", of=other_game)
    path = f"{PLANS}/{planned(busy, ops)}{act}"
    reads = act in {"", "/orders", "/orders/ord_1"}
    answer = busy.site.get(path, key=stranger) if reads else send(busy.site, path, {}, stranger)
    assert (answer.status, answer.code) == (404, "not-found")
    assert Plan.objects.get().state == "planned"


def test_an_emergency_closes_all_but_the_essential(busy: Machine, ops: NewKey) -> None:
    busy.send(opened=[opened(50, essential=True)])
    answer = emergency(busy.site, ops)
    assert (answer.status, answer.body["origin"], answer.body["state"]) == (202, "emergency", "held")
    advance()
    (order,) = fetch(busy)
    assert [number for number, _ in order["connections"]] == list(range(1, 11))
    assert AuditEntry.objects.get(action="plan.executed").reason == "servers die"


def test_an_emergency_sent_twice_is_one(busy: Machine, ops: NewKey) -> None:
    first, second = emergency(busy.site, ops), emergency(busy.site, ops)
    assert (second.status, second.body["id"]) == (202, first.body["id"])
    advance()
    assert emergency(busy.site, ops).body["state"] == "running"
    assert Plan.objects.count() == 1
    assert Order.objects.count() == 1


def test_an_idempotency_key_with_another_body_is_a_conflict(busy: Machine, ops: NewKey) -> None:
    emergency(busy.site, ops)
    answer = emergency(busy.site, ops, NOW_ALL | {"reason": "another"})
    assert (answer.status, answer.code) == (409, "conflict")
    assert Plan.objects.count() == 1


def test_an_emergency_without_an_idempotency_key_is_refused(busy: Machine, ops: NewKey) -> None:
    answer = send(busy.site, EMERGENCY, NOW_ALL, ops)
    assert (answer.status, answer.code) == (422, "invalid")
    assert not Plan.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({**NOW_ALL, "reason": ""}, 400),
        ({**NOW_ALL, "hold_s": 61}, 400),
        ({**NOW_ALL, "scope": {}}, 422),
        ({**NOW_ALL, "scope": "everything"}, 422),
    ],
    ids=str,
)
def test_a_refused_emergency_uses_up_no_key(busy: Machine, ops: NewKey, body: Any, status: int) -> None:
    assert emergency(busy.site, ops, body).status == status
    assert emergency(busy.site, ops).status == 202


def test_a_sweep_can_be_asked_for(busy: Machine, ops: NewKey, make_key: MakeKey) -> None:
    path = "/api/v1/cleanup/sweeps"
    assert send(busy.site, path, {}, make_key("read", "plan")).status == 403
    answer = send(busy.site, path, {}, ops)
    assert (answer.status, answer.body["by"][:3]) == (201, "Key")
    assert busy.site.get(path, key=ops).body["results"] == [answer.body]
