"""The members page: who sees it, who changes it, and that nobody else can."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from connmon.accounts import post
from connmon.accounts.models import AuditEntry, Game, Invitation, Membership, Role, User
from tests.dashboard.people import PASSWORD, confirm, give_app, give_password, is_in, log_in

pytestmark = pytest.mark.usefixtures("fresh_limits")


@pytest.fixture
def page(game: Game) -> str:
    return f"/g/{game.slug}/members/"


@pytest.fixture
def admin(game: Game, owner: User) -> Client:
    """The game's admin, who has said the password a moment ago."""
    client = Client()
    log_in(client, give_password(owner).email)
    confirm(client)
    return client


def shown_link(html: str) -> str:
    found = re.search(r'id="new-link">http://testserver([^<]+)<', html)
    assert found
    return found[1]


def main_of(html: str) -> str:
    return html[html.index("<main") : html.index("</main>")]


def test_every_member_sees_who_is_in_and_only_admins_see_buttons(
    page: str, make_member: Callable[[Role], User], log_in: Callable[[User], Client], owner: User
) -> None:
    html = log_in(make_member(Role.VIEWER)).get(page).content.decode()
    assert owner.email in html
    assert "<form" not in main_of(html)
    assert "Open invitations" not in html
    assert "Open invitations" in log_in(owner).get(page).content.decode()


def test_the_second_factor_of_members_is_shown(page: str, admin: Client, make_member: Callable[[Role], User]) -> None:
    assert "shield-check" not in main_of(admin.get(page).content.decode())
    give_app(make_member(Role.VIEWER))
    assert "shield-check" in main_of(admin.get(page).content.decode())


def changes(page: str, user: User) -> list[str]:
    return [
        f"{page}invite/",
        f"{page}invitations/1/revoke/",
        *(f"{page}{user.pk}/{change}/" for change in ("role", "remove", "password-link")),
    ]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.APPROVER])
def test_only_admins_change_members(
    role: Role, page: str, owner: User, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    client = log_in(make_member(role))
    answers = {client.post(address, {"role": "admin"}).status_code for address in changes(page, owner)}
    assert answers == {403}
    assert not Invitation.objects.exists()
    assert Membership.objects.get(user=owner).role == Role.ADMIN


def test_a_stranger_finds_none_of_it(page: str, owner: User, stranger: User, log_in: Callable[[User], Client]) -> None:
    client = log_in(stranger)
    assert {client.post(address).status_code for address in changes(page, owner)} == {404}
    assert client.get(page).status_code == 404


def test_a_change_by_a_link_changes_nothing(page: str, owner: User, admin: Client) -> None:
    assert {admin.get(address)["Location"] for address in changes(page, owner)} == {page}


def test_inviting_takes_the_password_again_and_then_goes_on(page: str, owner: User) -> None:
    client = Client()
    log_in(client, give_password(owner).email)
    asked = client.post(f"{page}invite/", {"role": "planner"})
    assert asked["Location"].startswith("/account/reauthenticate/")
    assert not Invitation.objects.exists()
    html = client.post(asked["Location"], {"password": PASSWORD}).content.decode()
    assert Invitation.objects.get().role == Role.PLANNER
    assert "/join/" in shown_link(html)


def test_an_invitation_is_shown_once_and_listed(page: str, admin: Client) -> None:
    answer = admin.post(f"{page}invite/", {"role": "viewer"})
    link = shown_link(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    listed = admin.get(page).content.decode()
    assert "whoever has the link" in listed
    assert link not in listed


def test_an_odd_role_is_refused(page: str, admin: Client) -> None:
    assert admin.post(f"{page}invite/", {"role": "king"}).status_code == 422
    assert not Invitation.objects.exists()


def test_an_invitation_is_taken_back(page: str, admin: Client) -> None:
    link = shown_link(admin.post(f"{page}invite/", {"role": "viewer"}).content.decode())
    admin.post(f"{page}invitations/{Invitation.objects.get().pk}/revoke/")
    assert Client().get(link).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_with_mail_an_invitation_goes_to_its_address_and_nowhere_else(
    settings: Settings, page: str, admin: Client
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    html = admin.post(f"{page}invite/", {"role": "viewer", "email": "New@example.com"}, follow=True).content.decode()
    post.wait_until_sent()
    (message,) = mail.outbox
    assert message.to == ["new@example.com"]
    assert "/join/" in message.body
    assert "/join/" not in html
    assert "on its way to" in html


def test_a_role_is_changed_with_an_entry(page: str, admin: Client, make_member: Callable[[Role], User]) -> None:
    member = make_member(Role.VIEWER)
    admin.post(f"{page}{member.pk}/role/", {"role": "approver"})
    assert Membership.objects.get(user=member).role == Role.APPROVER
    entry = AuditEntry.objects.filter(action="member.role").latest("id")
    assert (entry.actor, entry.target) == ("owner@example.com", member.email)
    assert (entry.before, entry.after) == ({"role": "viewer"}, {"role": "approver"})


@pytest.mark.parametrize(("change", "form"), [("role", {"role": "viewer"}), ("remove", {})])
def test_the_last_admin_stays(change: str, form: dict[str, str], page: str, admin: Client, owner: User) -> None:
    html = admin.post(f"{page}{owner.pk}/{change}/", form, follow=True).content.decode()
    assert "is the last admin" in html
    assert Membership.objects.get(user=owner).role == Role.ADMIN


def test_a_removed_member_finds_nothing_any_more(
    page: str, admin: Client, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    member = make_member(Role.APPROVER)
    client = log_in(member)
    admin.post(f"{page}{member.pk}/remove/")
    assert client.get(page).status_code == 404
    assert AuditEntry.objects.filter(action="member.removed", target=member.email).exists()


def test_somebody_of_another_game_is_no_member_here(page: str, admin: Client, other_game: Game) -> None:
    rival = User.objects.get(memberships__game=other_game)
    answers = {admin.post(address).status_code for address in changes(page, rival) if str(rival.pk) in address}
    assert answers <= {302, 404}
    assert Membership.objects.filter(user=rival, game=other_game, role=Role.ADMIN).exists()


def test_an_admin_makes_a_password_link_for_a_member_of_no_other_game(
    page: str, admin: Client, make_member: Callable[[Role], User]
) -> None:
    member = make_member(Role.VIEWER)
    link = shown_link(admin.post(f"{page}{member.pk}/password-link/").content.decode())
    form = Client().get(link, follow=True)
    assert "Choose a new password" in form.content.decode()
    assert AuditEntry.objects.filter(action="member.password_link", target=member.email).exists()


def test_an_admin_cannot_take_over_who_is_in_another_game(
    page: str, admin: Client, make_member: Callable[[Role], User], other_game: Game
) -> None:
    from connmon.accounts.actions import add_member

    member = make_member(Role.VIEWER)
    add_member(other_game, user=member, role=Role.VIEWER, now=other_game.created_at)
    html = admin.post(f"{page}{member.pk}/password-link/", follow=True).content.decode()
    assert "games that you are not an admin of" in html
    assert "new-link" not in html


def test_a_removed_member_stays_logged_in_for_their_other_games(
    page: str, admin: Client, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    member = make_member(Role.VIEWER)
    client = log_in(member)
    admin.post(f"{page}{member.pk}/remove/")
    assert is_in(client)


def test_an_admin_who_leaves_is_led_home(
    page: str, admin: Client, owner: User, make_member: Callable[[Role], User]
) -> None:
    make_member(Role.ADMIN)
    assert admin.post(f"{page}{owner.pk}/remove/")["Location"] == "/"
