"""`GET /api/v1/audit`, `/audit.csv`, `/audit.json`: what was done in the key's game."""

import csv
import io
from collections.abc import Callable

import pytest
from django.db import transaction

from connmon.accounts import audit_queries
from connmon.accounts.actions import issue_key
from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, User
from connmon.core.ids import NewKey
from tests.conftest import NOW
from tests.machine import Site

MakeKey = Callable[..., NewKey]
PATHS = ["/api/v1/audit", "/api/v1/audit.csv", "/api/v1/audit.json"]


@pytest.fixture
def audit_site(transactional_db: None, site: Site, game: Game) -> Site:
    return site


@pytest.fixture
def reader(make_key: MakeKey) -> NewKey:
    return make_key("read")


def write(game: Game, action: str, **values: str) -> None:
    with transaction.atomic():
        record(game, action, **{"target": "x", "by": Actor.of_job("Stale sweep"), "now": NOW} | values)  # type: ignore[arg-type]


def test_the_newest_entry_comes_first(audit_site: Site, reader: NewKey, game: Game, owner: User) -> None:
    issue_key(game, name="CI", scopes=["read"], expires_at=None, now=NOW, by=Actor.of_user(owner))
    first = audit_site.get(PATHS[0], key=reader).body["results"][0]
    assert first.pop("id")
    assert first.pop("target").startswith("CI (")
    assert first == {
        "at": "2026-11-23T12:00:00Z",
        "actor_kind": "user",
        "actor_id": str(owner.pk),
        "actor": owner.email,
        "action": "key.issued",
        "before": None,
        "after": {"scopes": ["read"], "expires_at": None},
        "reason": "",
        "game_name": "Dungeon",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=plan.", ["plan.executed", "plan.made"]),
        ("action=plan.made", ["plan.made"]),
        ("actor_kind=job&action=plan", ["plan.executed", "plan.made"]),
        ("actor_kind=user&action=plan", []),
        ("actor=SWEEP&action=plan.e", ["plan.executed"]),
        ("action=plan&since=2026-11-23T12:00:01Z", []),
        ("action=plan&until=2026-11-23T12:00:00Z", []),
    ],
)
def test_entries_can_be_picked(audit_site: Site, reader: NewKey, game: Game, query: str, found: list[str]) -> None:
    write(game, "plan.made")
    write(game, "plan.executed")
    results = audit_site.get(f"{PATHS[0]}?{query}", key=reader).body["results"]
    assert [entry["action"] for entry in results] == found


@pytest.mark.parametrize("query", ["actor_kind=robot", "since=yesterday", "action=" + "x" * 61])
def test_odd_questions_are_refused(audit_site: Site, reader: NewKey, query: str) -> None:
    answer = audit_site.get(f"{PATHS[0]}?{query}", key=reader)
    assert (answer.status, answer.code) == (400, "invalid")
    assert answer.body["detail"].startswith(f"{query.partition('=')[0]}: ")
    assert "ErrorDetail" not in answer.body["detail"]


def test_exports_begin_with_the_oldest(audit_site: Site, reader: NewKey, game: Game) -> None:
    write(game, "plan.made", reason='said "now", twice')
    told = audit_site.get(PATHS[2], key=reader)
    rows = list(csv.DictReader(io.StringIO(audit_site.get(PATHS[1], key=reader).body)))
    assert [entry["action"] for entry in told.body] == [row["action"] for row in rows]
    assert (rows[0]["action"], rows[-1]["action"]) == ("game.created", "plan.made")
    assert rows[-1]["reason"] == 'said "now", twice'
    assert told.headers["content-disposition"] == 'attachment; filename="audit.json"'


def test_what_a_spreadsheet_would_calculate_is_made_text(audit_site: Site, reader: NewKey, game: Game) -> None:
    write(game, "plan.made", reason="=HYPERLINK(1)")
    rows = list(csv.DictReader(io.StringIO(audit_site.get(PATHS[1], key=reader).body)))
    assert rows[-1]["reason"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("path", PATHS[1:])
def test_a_long_export_leads_on(
    audit_site: Site, reader: NewKey, game: Game, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("connmon.accounts.audit_queries.EXPORT", 2)
    monkeypatch.setattr("api.audit_views.EXPORT", 2)
    write(game, "plan.made")
    following, pages = path, 0
    while following and pages < 10:
        answer = audit_site.get(following, key=reader)
        assert answer.status == 200
        link = answer.headers.get("link", "")
        following = "/" + link.partition("//")[2].partition("/")[2].partition(">")[0] if link else ""
        pages += 1
    everything = list(audit_queries.find_entries(game.pk))
    assert pages == len(everything) // 2 + 1


@pytest.mark.parametrize("path", PATHS)
def test_a_key_sees_the_trail_of_its_own_game_only(
    audit_site: Site, make_key: MakeKey, game: Game, other_game: Game, path: str
) -> None:
    write(game, "plan.made", target="secret of Dungeon")
    answer = audit_site.get(path, key=make_key("read", of=other_game))
    assert answer.status == 200
    assert "secret of Dungeon" not in str(answer.body)


@pytest.mark.parametrize("path", PATHS)
def test_the_trail_takes_the_scope_read(audit_site: Site, make_key: MakeKey, path: str) -> None:
    assert audit_site.get(path, key=make_key("plan", "execute")).status == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_there_can_be_changed(audit_site: Site, make_key: MakeKey, path: str, method: str) -> None:
    key = make_key("read", "plan", "execute")
    headers = {"authorization": f"Bearer {key.plaintext}"}
    assert audit_site.request(method, path, headers=headers).status == 405
