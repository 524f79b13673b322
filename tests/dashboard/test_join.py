"""The link of an invitation: with an account, without one, used, late, taken back, meant for somebody else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connmon.accounts import invitations
from connmon.accounts.audit import UNNAMED
from connmon.accounts.models import AuditEntry, Game, Invitation, Membership, Role, User
from tests.dashboard.people import PASSWORD, give_password, is_in, log_in

pytestmark = pytest.mark.usefixtures("fresh_limits")


def invite(game: Game, role: Role = Role.PLANNER, email: str = "", *, ago: timedelta = timedelta()) -> str:
    """The path of a new invitation's link."""
    made = invitations.invite(game, role=role, email=email, now=timezone.now() - ago, by=UNNAMED)
    return f"/join/{made.token}/"


def sign_up(client: Client, link: str, email: str = "new@example.com", password: str = PASSWORD) -> str:
    form = {"email": email, "password": password, "repeated": password}
    return client.post(link, form, follow=True).content.decode()


def role_of(email: str) -> str | None:
    return Membership.objects.filter(user__email=email).values_list("role", flat=True).first()


def test_somebody_new_makes_an_account_and_is_in(client: Client, game: Game) -> None:
    html = sign_up(client, invite(game))
    assert f'data-game="{game.slug}"' in html
    assert role_of("new@example.com") == Role.PLANNER
    assert set(AuditEntry.objects.filter(target="new@example.com").values_list("action", flat=True)) == {
        "user.created", "invitation.accepted", "member.added",
    }  # fmt: skip


def test_somebody_with_an_account_joins_by_a_button(client: Client, game: Game, stranger: User) -> None:
    link = invite(game)
    client.force_login(stranger)
    assert "Join" in client.get(link).content.decode()
    assert role_of(stranger.email) is None
    assert client.post(link)["Location"] == f"/g/{game.slug}/"
    assert role_of(stranger.email) == Role.PLANNER


def test_somebody_with_an_account_logs_in_first_and_comes_back(client: Client, game: Game, stranger: User) -> None:
    give_password(stranger)
    link = invite(game)
    assert f"/login/?next={link}" in client.get(link).content.decode()
    assert log_in(client, stranger.email, next=link)["Location"] == link


def test_an_invitation_works_once(client: Client, game: Game) -> None:
    link = invite(game)
    sign_up(client, link)
    other = Client()
    assert other.get(link).status_code == 404
    assert "was used or taken back" in sign_up(other, link, "second@example.com")
    assert not User.objects.filter(email="second@example.com").exists()


def test_an_invitation_expires_after_a_week(client: Client, game: Game) -> None:
    link = invite(game, ago=invitations.LIFE)
    assert client.get(link).status_code == 404
    sign_up(client, link)
    assert role_of("new@example.com") is None


def test_an_invitation_lasts_for_a_week(client: Client, game: Game) -> None:
    link = invite(game, ago=invitations.LIFE - timedelta(minutes=1))
    assert client.get(link).status_code == 200


def test_one_that_was_taken_back_is_dead(client: Client, game: Game) -> None:
    link = invite(game)
    number = Invitation.objects.get().pk
    invitations.revoke_invitation(game, invitation_id=number, now=timezone.now(), by=UNNAMED)
    sign_up(client, link)
    assert role_of("new@example.com") is None


def test_a_guessed_link_opens_nothing(client: Client, game: Game) -> None:
    invite(game)
    assert client.get("/join/abcdefghij/").status_code == 404


def test_it_leads_into_its_own_game_only(client: Client, game: Game, other_game: Game) -> None:
    sign_up(client, invite(game))
    assert client.get(f"/g/{other_game.slug}/").status_code == 404


@pytest.mark.parametrize("password", ["short", "password123"])
def test_a_weak_password_is_refused_and_the_invitation_stays_good(client: Client, game: Game, password: str) -> None:
    link = invite(game)
    assert "errorlist" in sign_up(client, link, password=password)
    assert not User.objects.filter(email="new@example.com").exists()
    sign_up(client, link)
    assert role_of("new@example.com") == Role.PLANNER


def test_an_address_that_is_taken_is_not_taken_over(client: Client, game: Game, stranger: User) -> None:
    give_password(stranger)
    assert "cannot be taken" in sign_up(client, invite(game), stranger.email.upper(), "another long password")
    stranger.refresh_from_db()
    assert stranger.check_password(PASSWORD)
    assert not is_in(client)


def test_one_for_an_address_is_for_that_address(client: Client, game: Game, stranger: User) -> None:
    link = invite(game, email="boss@example.com")
    client.force_login(stranger)
    assert "is for" in client.get(link).content.decode()
    assert client.post(link).status_code == 422
    assert role_of(stranger.email) is None


def test_signing_up_with_one_for_an_address_takes_that_address(client: Client, game: Game) -> None:
    sign_up(client, invite(game, email="boss@example.com"), "me@example.com")
    assert role_of("boss@example.com") == Role.PLANNER
    assert not User.objects.filter(email="me@example.com").exists()


def test_a_member_does_not_use_an_invitation_up(client: Client, game: Game, owner: User) -> None:
    link = invite(game)
    client.force_login(owner)
    assert client.post(link).status_code == 409
    assert role_of(owner.email) == Role.ADMIN
    assert Client().get(link).status_code == 200


def test_the_token_is_kept_nowhere(game: Game) -> None:
    made = invitations.invite(game, role=Role.VIEWER, now=timezone.now(), by=UNNAMED)
    stored = str(list(Invitation.objects.values())) + str(list(AuditEntry.objects.values()))
    assert made.token not in stored


def test_the_page_of_an_invitation_names_game_and_role(client: Client, game: Game) -> None:
    html = client.get(invite(game, Role.APPROVER)).content.decode()
    assert game.name in html
    assert "Approver" in html


def test_trying_many_links_is_slowed_down(client: Client, db: None) -> None:
    answers = [client.post(f"/join/guess{number}/").status_code for number in range(21)]
    assert answers[-1] == 429
