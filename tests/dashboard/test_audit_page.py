"""The audit trail as people read it: filters, pages by cursor, differences, files."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, User
from connmon.core.ids import NewKey
from dashboard.queries import audit as queries
from dashboard.queries.audit import AuditQuery, audit_page
from tests.dashboard.people import said_password

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPS = Actor.of_command("ops")


@transaction.atomic
def put(
    game: Game,
    action: str = "key.issued",
    *,
    target: str = "a key",
    by: Actor = OPS,
    at: datetime = DAY,
    reason: str = "",
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(game, action, target=target, by=by, now=at, before=before, after=after, reason=reason)


def read(client: Client, game: Game, name: str = "audit-table", **asked: str) -> str:
    return client.get(reverse(name, kwargs={"slug": game.slug}), asked).content.decode()


def targets(html: str) -> list[str]:
    return re.findall(r'<td><bdi class="wrap">(t\d+)</bdi></td>', html)


@pytest.fixture
def trail(game: Game) -> Game:
    """Four entries, t1 the oldest."""
    put(game, "key.issued", target="t1", at=DAY - timedelta(days=2), reason="first key")
    put(game, "member.role", target="t2", by=Actor.of_job("auto-roles"), at=DAY - timedelta(days=1))
    put(game, "configuration.changed", target="t3", at=DAY)
    put(game, "key.revoked", target="t4", at=DAY + timedelta(days=1))
    return game


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["t4", "t3", "t2", "t1"]),
        ({"kind": "key."}, ["t4", "t1"]),
        ({"kind": "nonsense"}, ["t4", "t3", "t2", "t1"]),
        ({"by": "job"}, ["t2"]),
        ({"q": "FIRST"}, ["t1"]),
        ({"q": "auto-"}, ["t2"]),
        ({"q": "%"}, []),
        ({"from": "2026-11-20"}, ["t4", "t3"]),
        ({"to": "2026-11-19"}, ["t2", "t1"]),
        ({"from": "2026-11-20", "to": "2026-11-20"}, ["t3"]),
        ({"from": "tomorrow"}, ["t4", "t3", "t2", "t1"]),
    ],
)
def test_entries_are_found_by_kind_actor_words_and_days(
    asked: dict[str, str], found: list[str], trail: Game, as_owner: Client
) -> None:
    assert targets(read(as_owner, trail, **asked)) == found


def test_pages_follow_a_cursor_in_both_directions(
    trail: Game, as_owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PER_PAGE", 2)
    first = read(as_owner, trail, q="t")
    older = re.search(r'rel="next" href="\?q=t&amp;after=(\d+)"', first)
    assert older
    put(trail, target="t5")  # what comes meanwhile moves nothing
    second = read(as_owner, trail, q="t", after=older[1])
    newer = re.search(r'rel="prev" href="\?q=t&amp;before=(\d+)"', second)
    assert newer
    back = read(as_owner, trail, q="t", before=newer[1])
    assert [targets(first), targets(second), targets(back)] == [["t4", "t3"], ["t2", "t1"], ["t4", "t3"]]
    assert 'rel="prev"' in back


def test_before_and_after_are_shown_as_a_difference(game: Game, as_owner: Client) -> None:
    put(game, before={"same": 1, "size": 1000, "types": ["a", "b"]}, after={"same": 1, "size": 25, "types": ["b", "c"]})
    html = read(as_owner, game)
    assert re.search(r"size</bdi>.*<bdi>1,000</bdi></del>.*<bdi>25</bdi></ins>", html)
    assert re.search(r"removed </span>− <bdi>a</bdi></del>.*added </span>\+ <bdi>c</bdi></ins>", html)
    assert "same" not in html


def test_a_value_that_came_or_went_stands_alone(game: Game, as_owner: Client) -> None:
    put(game, after={"role": "viewer"})
    assert re.search(r"role</bdi></span><ins>.*<bdi>viewer</bdi></ins>", read(as_owner, game))


def test_no_entry_of_another_game_is_shown(game: Game, other_game: Game, as_owner: Client) -> None:
    put(other_game, target="t9")
    for name in ("audit-table", "audit-csv", "audit-json"):
        assert "t9" not in read(as_owner, game, name)


def test_without_entries_the_page_says_what_will_come(game: Game, as_owner: Client) -> None:
    assert "Nothing matches" in read(as_owner, game, q="nobody")
    assert audit_page(10**9, AuditQuery()).rows == []


def test_the_csv_holds_what_matches_and_no_formula(trail: Game, as_owner: Client) -> None:
    put(trail, "key.issued", target="=1+1", after={"scopes": ["read"]})
    answer = as_owner.get(reverse("audit-csv", kwargs={"slug": trail.slug}), {"kind": "key."})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["target"] for row in rows] == ["t1", "t4", "'=1+1"]
    assert rows[-1]["after"] == '{"scopes":["read"]}'
    assert answer["Content-Disposition"] == 'attachment; filename="audit.csv"'


def test_the_json_holds_what_matches_oldest_first(trail: Game, as_owner: Client) -> None:
    entries = json.loads(read(as_owner, trail, "audit-json", kind="key."))
    assert [entry["target"] for entry in entries] == ["t1", "t4"]


def test_a_full_file_says_where_the_next_begins(trail: Game, as_owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "EXPORT", 1)
    monkeypatch.setattr("dashboard.views.audit.EXPORT", 1)
    answer = as_owner.get(reverse("audit-json", kwargs={"slug": trail.slug}), {"kind": "key."})
    link = re.fullmatch(r'<(.+)>; rel="next"', answer["Link"])
    assert link
    assert [entry["target"] for entry in json.loads(as_owner.get(link[1]).content)] == ["t4"]


def test_files_are_for_members(trail: Game, stranger: User, client: Client) -> None:
    address = reverse("audit-csv", kwargs={"slug": trail.slug})
    assert client.get(address).status_code == 302
    client.force_login(stranger)
    assert client.get(address).status_code == 404


def test_what_a_member_does_with_keys_bears_the_members_name(
    game: Game, key: NewKey, as_owner: Client, owner: User
) -> None:
    said_password(as_owner, owner).post(reverse("rotate-key", kwargs={"slug": game.slug, "key_id": key.id}))
    as_owner.post(reverse("revoke-key", kwargs={"slug": game.slug, "key_id": key.id}))
    rows = audit_page(game.pk, AuditQuery(kind="key.")).rows
    assert [(row.action, row.actor) for row in rows[:2]] == [("key.revoked", owner.email), ("key.issued", owner.email)]
