"""The ledger of leaks over REST."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game, User
from connmon.core.ids import NewKey
from connmon.leaks.models import Leak, LeakEvent
from tests.leaks.ledger import put_leak
from tests.machine import Answer, Site

MakeKey = Callable[..., NewKey]
PATH = "/api/v1/leaks"


@pytest.fixture
def reader(make_key: MakeKey) -> NewKey:
    return make_key("read")


@pytest.fixture
def ops(make_key: MakeKey) -> NewKey:
    return make_key("read", "plan", "execute")


@pytest.fixture
def here(transactional_db: None, site: Site, game: Game) -> Site:
    return site


@pytest.fixture
def leak(here: Site, game: Game) -> Leak:
    leak = put_leak(game, now=timezone.now())
    LeakEvent.objects.create(leak=leak, at=leak.first_seen_at, state="new", rung="confirmed", place_version=142)
    return leak


def post(site: Site, path: str, body: Any, key: NewKey) -> Answer:
    headers = {"authorization": f"Bearer {key.plaintext}", "content-type": "application/json"}
    return site.request("POST", f"{PATH}/{path}", body=json.dumps(body).encode(), headers=headers)


def test_leaks_are_listed_and_filtered(here: Site, leak: Leak, reader: NewKey) -> None:
    (row,) = here.get(PATH, key=reader).body["results"]
    assert (row["service"], row["site"], row["rung"], row["versions"]) == (
        "CombatService",
        "Combat:118",
        "confirmed",
        [142],
    )
    assert here.get(f"{PATH}?rung=likely", key=reader).body["results"] == []
    assert len(here.get(f"{PATH}?active=true&state=new&service=CombatService", key=reader).body["results"]) == 1
    assert here.get(f"{PATH}?rung=perhaps", key=reader).status == 400


def test_one_leak_tells_its_course(here: Site, leak: Leak, reader: NewKey) -> None:
    body = here.get(f"{PATH}/{leak.pk}", key=reader).body
    assert (body["forecast"], body["assignee"]) == ("", "")
    assert [(event["state"], event["place_version"]) for event in body["events"]] == [("new", 142)]


def test_its_cohorts_are_a_strip(here: Site, leak: Leak, reader: NewKey) -> None:
    body = here.get(f"{PATH}/{leak.pk}/cohorts", key=reader).body
    assert (len(body), body[1]) == (73, {"from_s": 300, "live": 0, "orphaned": 0})


def test_what_left_cleanly_is_a_share(here: Site, reader: NewKey) -> None:
    nobody = {"left": 0, "clean": 0, "share": None}
    assert here.get(f"{PATH}/tidiness", key=reader).body == {"players": nobody, "services": nobody}


def test_a_leak_is_assigned_ignored_and_linked(here: Site, leak: Leak, ops: NewKey, owner: User) -> None:
    until = (timezone.now() + timedelta(days=1)).isoformat()
    assert post(here, f"{leak.pk}/assign", {"email": owner.email}, ops).body["assignee"] == owner.email
    assert post(here, f"{leak.pk}/ignore", {"until": until}, ops).body["ignored_until"]
    assert post(here, f"{leak.pk}/link", {"link": "https://example.com/7"}, ops).body["link"] == "https://example.com/7"
    entries = AuditEntry.objects.filter(action__startswith="leak.").order_by("id")
    assert [entry.action for entry in entries] == ["leak.assigned", "leak.ignored", "leak.linked"]
    assert {entry.actor_id for entry in entries} == {ops.id}


CHANGES = [("assign", {"email": ""}), ("ignore", {"until": None}), ("link", {"link": ""})]


@pytest.mark.parametrize(("path", "body"), CHANGES)
def test_a_key_that_may_only_read_changes_nothing(here: Site, leak: Leak, reader: NewKey, path: str, body: Any) -> None:
    assert post(here, f"{leak.pk}/{path}", body, reader).status == 403


def test_ignoring_takes_more_than_planning(here: Site, leak: Leak, make_key: MakeKey) -> None:
    planner = make_key("plan")
    assert post(here, f"{leak.pk}/ignore", {"until": None}, planner).status == 403
    assert post(here, f"{leak.pk}/link", {"link": ""}, planner).status == 200


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"until": "soon"}, 400), ([], 400), ({"until": "2000-01-01T00:00:00Z"}, 422)]
)
def test_what_cannot_be_used_is_refused(here: Site, leak: Leak, ops: NewKey, body: Any, status: int) -> None:
    assert post(here, f"{leak.pk}/ignore", body, ops).status == status


def test_another_games_leaks_do_not_exist(here: Site, leak: Leak, make_key: MakeKey, other_game: Game) -> None:
    key = make_key("read", "plan", "execute", of=other_game)
    assert here.get(PATH, key=key).body["results"] == []
    paths = [f"{PATH}/{leak.pk}", f"{PATH}/{leak.pk}/cohorts"]
    assert {here.get(path, key=key).status for path in paths} == {404}
    assert {post(here, f"{leak.pk}/{path}", body, key).status for path, body in CHANGES} == {404}
