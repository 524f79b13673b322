"""The audit trail: what is written there, and that nothing is ever changed there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from connmon.accounts.actions import add_member, create_game, issue_key, revoke_key
from connmon.accounts.audit import Actor, record
from connmon.accounts.models import ActorKind, AuditEntry, Game, Role, User
from connmon.core.errors import DomainError
from connmon.core.ids import NewKey
from connmon.demo.actions import demo_key, remove_demo
from tests.conftest import NOW

ROOT = Path(__file__).resolve().parents[2]


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def last(action: str) -> AuditEntry:
    return entries(action)[-1]


@pytest.fixture
def by(owner: User) -> Actor:
    return Actor.of_user(owner)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET reason = 'another'",
        "UPDATE accounts_auditentry SET reason = 'another' WHERE false",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
        "INSERT INTO accounts_auditentry SELECT * FROM accounts_auditentry ON CONFLICT (id) DO UPDATE SET actor = 'me'",
    ],
)
def test_the_database_refuses_to_change_entries(game: Game, statement: str) -> None:
    before = list(AuditEntry.objects.values())
    assert before
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(AuditEntry.objects.values()) == before


def test_the_application_cannot_delete_an_entry(game: Game) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        last("game.created").delete()


def test_an_entry_stands_or_falls_with_what_it_tells_of(game: Game, by: Actor) -> None:
    with transaction.atomic():
        issue_key(game, name="CI", scopes=["read"], expires_at=None, now=NOW, by=by)
        transaction.set_rollback(True)
    assert entries("key.issued") == []


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_a_fault() -> None:
    with pytest.raises(RuntimeError, match="atomic"):
        record(None, "key.issued", target="x", by=Actor.of_job("x"), now=NOW)


def test_a_new_game_and_its_admin_are_recorded_under_the_owner(game: Game, owner: User) -> None:
    made, admin = last("game.created"), last("member.added")
    assert (made.game_id, made.game_name, made.target, made.at) == (game.pk, "Dungeon", "Dungeon", NOW)
    assert made.after == {"name": "Dungeon", "slug": "dungeon", "report_interval": 10.0}
    assert (admin.target, admin.after) == (owner.email, {"role": "admin"})
    assert {(e.actor_kind, e.actor_id, e.actor) for e in (made, admin)} == {("user", str(owner.pk), owner.email)}


def test_another_role_is_recorded_with_the_one_before(game: Game, stranger: User, by: Actor) -> None:
    add_member(game, user=stranger, role=Role.VIEWER, now=NOW, by=by)
    add_member(game, user=stranger, role=Role.APPROVER, now=NOW, by=by)
    entry = last("member.role")
    assert (entry.before, entry.after) == ({"role": "viewer"}, {"role": "approver"})


def test_the_same_role_again_is_no_change(game: Game, stranger: User, by: Actor) -> None:
    for _ in range(2):
        add_member(game, user=stranger, role=Role.VIEWER, now=NOW, by=by)
    assert [e.target for e in entries("member.added")] == ["owner@example.com", stranger.email]
    assert entries("member.role") == []


def test_keys_are_recorded_without_their_secret(game: Game, by: Actor) -> None:
    key = issue_key(game, name="CI", scopes=["read", "plan"], expires_at=None, now=NOW, by=by)
    entry = last("key.issued")
    assert (entry.target, entry.after) == (f"CI ({key.id})", {"scopes": ["plan", "read"], "expires_at": None})
    assert key.secret not in str(list(AuditEntry.objects.values()))


def test_a_key_that_is_refused_leaves_no_entry(game: Game, by: Actor) -> None:
    with pytest.raises(DomainError):
        issue_key(game, name="", scopes=["read"], expires_at=None, now=NOW, by=by)
    assert entries("key.issued") == []


def test_a_revocation_is_recorded_once(game: Game, key: NewKey, by: Actor) -> None:
    for _ in range(2):
        revoke_key(game, key_id=key.id, now=NOW, by=by)
    (entry,) = entries("key.revoked")
    assert entry.target.endswith(f"({key.id})")


def test_who_is_not_named_is_recorded_as_such(game: Game, make_key: Callable[..., NewKey]) -> None:
    make_key()
    assert (last("key.issued").actor_kind, last("key.issued").actor) == (ActorKind.UNKNOWN, "not named")


def test_the_trail_survives_its_game(db: None, owner: User, by: Actor) -> None:
    demo_key(now=NOW)
    demo = Game.objects.get(is_demo=True)
    remove_demo(demo, now=NOW, by=by)
    assert not Game.objects.filter(is_demo=True).exists()
    told = AuditEntry.objects.filter(game_name="Demo").order_by("id")
    assert [e.action for e in told] == ["game.created", "key.issued", "game.removed"]
    assert [e.actor for e in told] == ["Demo game", "Demo game", owner.email]


def test_automatic_jobs_and_commands_are_told_apart(game: Game) -> None:
    with transaction.atomic():
        for who in (Actor.of_job("Stale sweep"), Actor.of_command("root")):
            record(game, "test", target="x", by=who, now=NOW)
    assert [(e.actor_kind, e.actor) for e in entries("test")] == [
        ("job", "Stale sweep"),
        ("command", "root (manage.py)"),
    ]


def test_a_second_game_of_the_same_owner_has_its_own_trail(game: Game, owner: User) -> None:
    other = create_game(name="Arena", owner=owner, now=NOW)
    assert set(AuditEntry.objects.filter(game_id=other.pk).values_list("game_name", flat=True)) == {"Arena"}


def test_every_action_is_named_in_the_docs() -> None:
    sources = [*(ROOT / "connmon").rglob("*.py")]
    recorded = re.compile(r'record\(\s*[\w.]+,\s*"([a-z._]+)"')
    found = {action for path in sources for action in recorded.findall(path.read_text())}
    assert found >= {"key.issued", "game.removed", "member.role"}
    docs = "\n".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    assert {action for action in found if f"`{action}`" not in docs} == set()
