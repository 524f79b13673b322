"""Invitations: bounds, and one use however many hands reach for it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from connmon.accounts import invitations
from connmon.accounts.audit import UNNAMED
from connmon.accounts.models import Game, Invitation, Membership, User
from connmon.core.errors import Conflict, DomainError, Invalid, NotFound
from tests.conftest import NOW


def invite(game: Game, **more: str) -> invitations.NewInvitation:
    return invitations.invite(game, now=NOW, by=UNNAMED, **{"role": "viewer"} | more)


@pytest.mark.django_db(transaction=True)
def test_many_who_sign_up_at_once_make_one_account(game: Game) -> None:
    invitation = invite(game).invitation

    def try_to_sign_up(number: int) -> bool:
        try:
            invitations.sign_up(invitation, email=f"new{number}@example.com", password="correct horse", now=NOW)
        except DomainError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(try_to_sign_up, range(4)))
    assert sum(done) == 1
    assert User.objects.filter(email__startswith="new").count() == 1
    assert Membership.objects.filter(user__email__startswith="new").count() == 1


def test_a_game_has_a_bound_of_open_invitations(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_OPEN", 2)
    invite(game)
    invite(game)
    with pytest.raises(Conflict, match="Take some back"):
        invite(game)


def test_used_and_late_ones_are_not_open(game: Game, stranger: User) -> None:
    used, late = invite(game).invitation, invite(game).invitation
    Invitation.objects.filter(pk=late.pk).update(expires_at=NOW)
    invitations.accept(used, user=stranger, now=NOW)
    assert list(invitations.open_invitations(game, now=NOW)) == []


def test_a_member_is_not_invited(game: Game, owner: User) -> None:
    with pytest.raises(Conflict, match="member already"):
        invite(game, email=owner.email.upper())


@pytest.mark.parametrize("more", [{"role": "king"}, {"email": "no address"}])
def test_what_cannot_be_used_is_refused(game: Game, more: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        invite(game, **more)


def test_an_invitation_of_another_game_is_not_found(game: Game, other_game: Game) -> None:
    foreign = invite(other_game).invitation
    with pytest.raises(NotFound):
        invitations.revoke_invitation(game, invitation_id=foreign.pk, now=NOW, by=UNNAMED)
    assert Invitation.objects.get().ended_at is None
