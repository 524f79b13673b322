"""The configuration over REST, and in the answers to reports."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connmon.accounts.models import Game
from connmon.configuration.models import Revision
from connmon.core.ids import NewKey
from tests.machine import Answer, Machine, Site, wait_for

MakeKey = Callable[..., NewKey]
PATH = "/api/v1/configuration"
POOLS = "CONNECTION_POOLS"
CHANGE = {"reason": "more room", "settings": {POOLS: {"MAX_POOL_SIZE": 60}}}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration is read for each report: the site outlives a test's database."""
    monkeypatch.setattr("connmon.configuration.book.LIFE", 0.0)


@pytest.fixture
def ops(make_key: MakeKey) -> NewKey:
    return make_key("read", "execute")


@pytest.fixture
def here(transactional_db: None, site: Site, game: Game) -> Site:
    return site


def send(site: Site, method: str, path: str, body: Any, key: NewKey) -> Answer:
    headers = {"authorization": f"Bearer {key.plaintext}", "content-type": "application/json"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.request(method, path, body=raw, headers=headers)


def test_a_game_begins_with_the_defaults(here: Site, ops: NewKey) -> None:
    body = here.get(PATH, key=ops).body
    assert (body["revision"], body["services"]) == (0, {})
    assert body["settings"]["CONNECTION_MANAGEMENT"]["STALE_CONNECTION_THRESHOLD"] == 300


def test_a_change_answers_with_its_revision(here: Site, ops: NewKey) -> None:
    answer = send(here, "PATCH", PATH, CHANGE, ops)
    assert (answer.status, answer.body["number"], answer.body["author"][:3]) == (200, 1, "Key")
    assert here.get(PATH, key=ops).body["settings"][POOLS]["MAX_POOL_SIZE"] == 60
    assert here.get(f"{PATH}/revisions", key=ops).body["results"] == [answer.body]
    assert here.get(f"{PATH}/revisions/1", key=ops).body == answer.body


def test_going_back_answers_with_the_new_revision(here: Site, ops: NewKey) -> None:
    send(here, "PATCH", PATH, CHANGE, ops)
    answer = send(here, "POST", f"{PATH}/rollback", {"revision": 0, "reason": "as shipped"}, ops)
    assert (answer.status, answer.body["number"], answer.body["rolled_back_to"]) == (200, 2, 0)


def test_going_back_can_be_guarded_against_a_change_in_between(here: Site, ops: NewKey) -> None:
    send(here, "PATCH", PATH, CHANGE, ops)
    wanted = {"revision": 0, "reason": "as shipped", "expected_revision": 0}
    assert send(here, "POST", f"{PATH}/rollback", wanted, ops).status == 409
    assert send(here, "POST", f"{PATH}/rollback", {**wanted, "expected_revision": 1}, ops).status == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "parse-error"),
        (b"[]", 400, "parse-error"),
        (b'{"reason": "x", "settings": {"CONNECTION_POOLS": {"MAX_POOL_SIZE": 1e999}}}', 400, "parse-error"),
        (b'{"reason": "x", "settings": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "parse-error"),
        (b'{"more": "' + b"x" * 300_000 + b'"}', 400, "parse-error"),
        ({"settings": {}}, 400, "invalid"),
        ({"reason": "x"}, 422, "invalid"),
        ({"reason": "x", "settings": {POOLS: {"MAX_POOL_SIZE": "many"}}}, 422, "invalid"),
        ({**CHANGE, "expected_revision": 7}, 409, "conflict"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_change_is_refused_and_changes_nothing(
    here: Site, ops: NewKey, body: Any, status: int, code: str
) -> None:
    answer = send(here, "PATCH", PATH, body, ops)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert not Revision.objects.exists()


@pytest.mark.parametrize(("method", "path"), [("PATCH", PATH), ("POST", f"{PATH}/rollback")])
@pytest.mark.parametrize("scopes", [("read",), ("read", "plan"), ("report",)], ids="+".join)
def test_a_change_takes_the_scope_execute(
    here: Site, make_key: MakeKey, scopes: tuple[str, ...], method: str, path: str
) -> None:
    answer = send(here, method, path, {**CHANGE, "revision": 0}, make_key(*scopes))
    assert answer.status == 403
    assert not Revision.objects.exists()


def test_a_key_changes_its_own_game_only(here: Site, ops: NewKey, make_key: MakeKey, other_game: Game) -> None:
    other = make_key("read", "execute", of=other_game)
    send(here, "PATCH", PATH, CHANGE, ops)
    assert here.get(PATH, key=other).body["revision"] == 0
    assert here.get(f"{PATH}/revisions/1", key=other).status == 404


def test_an_agent_that_runs_an_older_revision_is_sent_the_newest(server: Machine, ops: NewKey) -> None:
    assert server.send_first().body["config"] is None
    send(server.site, "PATCH", PATH, CHANGE, ops)
    config = wait_for(lambda: server.send().body["config"], "the configuration")
    assert (config["revision"], config[POOLS]["MAX_POOL_SIZE"]) == (1, 60)
    assert "OPERATIONS" not in config


def test_an_agent_that_runs_the_newest_is_sent_nothing(server: Machine, ops: NewKey) -> None:
    send(server.site, "PATCH", PATH, CHANGE, ops)
    server.send_first()
    assert server.send(config_revision=1).body["config"] is None
    assert server.send(config_revision=0).body["config"]["revision"] == 1


def test_the_rollout_names_those_behind_first(make_server: Callable[..., Machine], ops: NewKey) -> None:
    make_server("a").send_first(config_revision=1)
    make_server("b").send_first(config_revision=0)
    rows = make_server("c").site.get(f"{PATH}/rollout", key=ops).body["results"]
    assert [(row["name"], row["revision"], row["reporting"]) for row in rows] == [("b", 0, True), ("a", 1, True)]


def test_reports_are_taken_though_the_configuration_cannot_be_read(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connmon.configuration.book.FIND", "SELECT nothing FROM nowhere WHERE %s")
    server.send_first()
    assert server.send().status == 200
