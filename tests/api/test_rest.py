"""`GET /api/v1/services` and `/api/v1/servers`: what a viewer sees, as JSON, for a key with the scope `read`."""

from collections.abc import Callable

import pytest

from connmon.accounts.actions import revoke_key
from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.registry.models import ServerState
from tests.conftest import NOW
from tests.machine import Machine, Site, bearer, service

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]
PATHS = ["/api/v1/services", "/api/v1/servers"]


@pytest.fixture
def reader(make_key: MakeKey) -> NewKey:
    return make_key("read")


@pytest.fixture
def read_site(transactional_db: None, site: Site, game: Game) -> Site:
    return site


def test_services_are_summed_over_the_servers_that_report(make_server: MakeServer, reader: NewKey) -> None:
    one, two, silent = make_server(), make_server("server-2"), make_server("server-3")
    one.send_first(services=[service("A", live=1, opened=10, closed=9, idle=1, orphaned=2, stale=3), service("B")])
    two.send_first(services=[service("A", live=2, opened=20, closed=18)])
    silent.send_first(services=[service("A", live=500), service("C")])
    ServerState.objects.filter(server_id=silent.id).update(due_at=NOW.replace(year=2020))
    answer = one.site.get("/api/v1/services", key=reader)
    assert answer.status == 200
    assert [row["name"] for row in answer.body["results"]] == ["A", "B", "C"]
    first, _, last = answer.body["results"]
    assert {name: first[name] for name in first.keys() - {"id", "name"}} == {
        "servers": 2,
        "live": 3,
        "opened": 30,
        "closed": 27,
        "idle": 1,
        "orphaned": 2,
        "stale": 3,
    }
    assert (last["servers"], last["live"]) == (0, 0)


def test_servers_are_listed_with_what_they_last_said(make_server: MakeServer, reader: NewKey) -> None:
    server = make_server()
    server.send_first(players=12, memory={"total_mb": 812.5}, services=[service("A", live=3), service("B", live=4)])
    answer = server.site.get("/api/v1/servers", key=reader)
    (row,) = answer.body["results"]
    assert row.pop("received_at")
    assert row == {
        "id": str(server.id),
        "name": "server-1",
        "boot": "boot-1",
        "agent": "tests/1",
        "place_version": None,
        "reporting": True,
        "seq": 1,
        "players": 12,
        "memory_mb": 812.5,
        "live": 7,
    }


def test_silent_servers_are_listed_as_such(make_server: MakeServer, reader: NewKey) -> None:
    server = make_server()
    server.send_first()
    ServerState.objects.update(due_at=NOW.replace(year=2020))
    (row,) = server.site.get("/api/v1/servers", key=reader).body["results"]
    assert row["reporting"] is False


def test_ended_boots_are_not_listed(make_server: MakeServer, reader: NewKey) -> None:
    make_server().send_first(services=[service(live=5)])
    new = make_server(boot="boot-2")
    new.send_first(services=[service(live=1)])
    (row,) = new.site.get("/api/v1/servers", key=reader).body["results"]
    assert row["boot"] == "boot-2"
    assert new.site.get("/api/v1/services", key=reader).body["results"][0]["live"] == 1


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_game_has_an_empty_list(read_site: Site, reader: NewKey, path: str) -> None:
    answer = read_site.get(path, key=reader)
    assert answer.body == {"count": 0, "next": None, "previous": None, "results": []}


def test_long_lists_come_in_pages(server: Machine, reader: NewKey) -> None:
    server.send_first(services=[service(f"Service{number:03d}") for number in range(120)])
    first = server.site.get("/api/v1/services", key=reader).body
    assert (first["count"], len(first["results"]), first["previous"]) == (120, 100, None)
    path = first["next"].partition("//")[2].partition("/")[2]
    second = server.site.get(f"/{path}", key=reader).body
    assert [row["name"] for row in second["results"]] == [f"Service{number:03d}" for number in range(100, 120)]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("limit=2", ["A", "B"]),
        ("limit=2&offset=1", ["B", "C"]),
        ("offset=9", []),
        ("limit=x&offset=-1", ["A", "B", "C"]),
    ],
)
def test_a_page_may_be_asked_for(server: Machine, reader: NewKey, query: str, names: list[str]) -> None:
    server.send_first(services=[service(name) for name in "ABC"])
    results = server.site.get(f"/api/v1/services?{query}", key=reader).body["results"]
    assert [row["name"] for row in results] == names


def test_a_page_is_never_longer_than_its_bound(server: Machine, reader: NewKey) -> None:
    server.send_first(services=[service(f"Service{number:03d}") for number in range(600)])
    assert len(server.site.get("/api/v1/services?limit=100000", key=reader).body["results"]) == 500


@pytest.mark.parametrize("path", PATHS)
def test_a_key_sees_its_own_game_only(
    server: Machine, make_key: MakeKey, other_game: Game, reader: NewKey, path: str
) -> None:
    server.send_first(services=[service()])
    assert server.site.get(path, key=reader).body["count"] == 1
    answer = server.site.get(
        f"{path}?game={server.game_id}&game_id={server.game_id}", key=make_key("read", of=other_game)
    )
    assert (answer.status, answer.body["count"]) == (200, 0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scopes", [("report",), ("plan", "execute")], ids="+".join)
def test_a_key_without_the_scope_read_may_not_look(
    read_site: Site, make_key: MakeKey, scopes: tuple[str, ...], path: str
) -> None:
    answer = read_site.get(path, key=make_key(*scopes))
    assert (answer.status, answer.code) == (403, "permission-denied")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", [None, "nonsense", "cm_nobody_nothing"], ids=str)
def test_without_a_good_key_nothing_is_shown(read_site: Site, path: str, key: str | None) -> None:
    answer = read_site.get(path, key=key)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body.keys() >= {"type", "title", "status", "detail", "code"}


def test_a_revoked_key_sees_nothing_more(read_site: Site, game: Game, reader: NewKey) -> None:
    assert read_site.get(PATHS[0], key=reader).status == 200
    revoke_key(game, key_id=reader.id, now=NOW)
    assert read_site.get(PATHS[0], key=reader).status == 401


def test_a_key_with_another_secret_sees_nothing(read_site: Site, reader: NewKey) -> None:
    assert read_site.get(PATHS[0], key=f"cm_{reader.id}_guess").status == 401


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_these_addresses_are_read_only(read_site: Site, make_key: MakeKey, path: str, method: str) -> None:
    key = make_key("read", "plan", "execute")
    answer = read_site.request(method, path, headers={"authorization": bearer(key)})
    assert (answer.status, answer.code) == (405, "method-not-allowed")


def test_keys_are_not_taken_from_the_address(read_site: Site, reader: NewKey) -> None:
    assert read_site.get(f"{PATHS[0]}?key={reader.plaintext}&access_token={reader.plaintext}").status == 401
