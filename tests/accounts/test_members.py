"""Members: roles, removal, and an admin who stays whatever happens at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from connmon.accounts import members, passwords
from connmon.accounts.actions import add_member, create_game
from connmon.accounts.audit import UNNAMED
from connmon.accounts.models import AuditEntry, Game, Membership, Role, User
from connmon.core.errors import Conflict, DomainError, Invalid, NotFound, NotPermitted
from tests.conftest import NOW


def remove(game: Game, user: User) -> User:
    return members.remove_member(game, user_id=user.pk, now=NOW, by=UNNAMED)


def test_a_member_is_removed_and_keeps_the_account(game: Game, make_member: Callable[[Role], User]) -> None:
    member = make_member(Role.VIEWER)
    remove(game, member)
    assert not Membership.objects.filter(user=member).exists()
    assert User.objects.filter(pk=member.pk).exists()
    assert AuditEntry.objects.get(action="member.removed").before == {"role": "viewer"}


def test_an_admin_may_go_when_there_is_another(game: Game, owner: User, make_member: Callable[[Role], User]) -> None:
    with pytest.raises(Conflict, match="last admin"):
        remove(game, owner)
    make_member(Role.ADMIN)
    remove(game, owner)
    assert not Membership.objects.filter(user=owner).exists()


def test_an_admin_who_cannot_log_in_does_not_count(
    game: Game, owner: User, make_member: Callable[[Role], User]
) -> None:
    other = make_member(Role.ADMIN)
    User.objects.filter(pk=other.pk).update(is_active=False)
    with pytest.raises(Conflict):
        remove(game, owner)


def test_an_admin_of_another_game_does_not_count(game: Game, other_game: Game, owner: User) -> None:
    with pytest.raises(Conflict):
        members.change_role(game, user_id=owner.pk, role="viewer", now=NOW, by=UNNAMED)


def test_the_same_role_again_leaves_no_entry(game: Game, owner: User) -> None:
    members.change_role(game, user_id=owner.pk, role="admin", now=NOW, by=UNNAMED)
    assert not AuditEntry.objects.filter(action="member.role").exists()


def test_an_unknown_role_is_refused(game: Game, owner: User) -> None:
    with pytest.raises(Invalid):
        members.change_role(game, user_id=owner.pk, role="king", now=NOW, by=UNNAMED)


def test_a_stranger_is_not_found(game: Game, stranger: User) -> None:
    with pytest.raises(NotFound):
        remove(game, stranger)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_one_another_at_once_leave_one(
    game: Game, owner: User, make_member: Callable[[Role], User]
) -> None:
    other = make_member(Role.ADMIN)

    def try_to_remove(user: User) -> bool:
        try:
            remove(game, user)
        except DomainError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as threads:
        removed = list(threads.map(try_to_remove, (owner, other)))
    assert sorted(removed) == [False, True]
    assert Membership.objects.filter(game=game, role=Role.ADMIN).count() == 1


def test_a_link_is_made_for_members_whose_games_the_admin_all_administers(
    game: Game, owner: User, make_member: Callable[[Role], User]
) -> None:
    member = make_member(Role.APPROVER)
    second = create_game(name="Second", owner=owner, now=NOW)
    add_member(second, user=member, role=Role.VIEWER, now=NOW)
    assert passwords.administers_all_of(owner, member)
    add_member(second, user=owner, role=Role.APPROVER, now=NOW)
    assert not passwords.administers_all_of(owner, member)


def test_no_link_is_made_for_who_runs_the_installation(
    game: Game, owner: User, make_member: Callable[[Role], User]
) -> None:
    member = make_member(Role.VIEWER)
    User.objects.filter(pk=member.pk).update(is_superuser=True)
    with pytest.raises(NotPermitted, match="passwordlink"):
        passwords.issue_password_link(game, user_id=member.pk, admin=owner, now=NOW)


def test_no_link_is_made_for_a_stranger(game: Game, owner: User, stranger: User) -> None:
    with pytest.raises(NotFound):
        passwords.issue_password_link(game, user_id=stranger.pk, admin=owner, now=NOW)


@pytest.mark.parametrize("second_factor_too", [False, True])
def test_the_command_prints_a_link_and_may_take_the_second_factor_away(
    second_factor_too: bool, owner: User, capsys: pytest.CaptureFixture[str]
) -> None:
    from allauth.mfa.models import Authenticator

    Authenticator.objects.create(user=owner, type="totp", data={})
    call_command("passwordlink", owner.email, url="https://c.example/", remove_second_factor=second_factor_too)
    assert capsys.readouterr().out.startswith("https://c.example/account/password/reset/key/")
    assert Authenticator.objects.exists() is not second_factor_too
    entry = AuditEntry.objects.get(action="user.password_link")
    assert entry.after == {"second_factor": "removed" if second_factor_too else "kept"}


def test_the_command_knows_no_stranger(db: None) -> None:
    with pytest.raises(CommandError, match="no account"):
        call_command("passwordlink", "nobody@example.com")
