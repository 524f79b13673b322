"""Log in, the first member, the list of games, a new game, and pages for faults."""

from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from connmon.accounts.actions import create_game, issue_setup_token
from connmon.accounts.models import Game, Membership, Role, User
from dashboard import errors

PASSWORD = "correct horse battery"


def test_a_user_logs_in_in_any_case_and_sees_the_only_game(client: Client, game: Game, owner: User) -> None:
    owner.set_password(PASSWORD)
    owner.save()
    answer = client.post("/login/", {"login": "OWNER@Example.com", "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/g/{game.slug}/"


def test_a_wrong_password_says_so(client: Client, owner: User) -> None:
    owner.set_password(PASSWORD)
    owner.save()
    answer = client.post("/login/", {"login": owner.email, "password": "wrong"})
    assert "errorlist" in answer.content.decode()


def test_logging_out_ends_the_session(as_owner: Client, game: Game) -> None:
    as_owner.post("/logout/")
    assert as_owner.get(f"/g/{game.slug}/").status_code == 302


@pytest.fixture
def token(db: None) -> str:
    token = issue_setup_token(now=timezone.now())
    assert token
    return token


def become_first(client: Client, token: str, **changes: str) -> str:
    form = {"email": "first@example.com", "password": PASSWORD, "repeated": PASSWORD} | changes
    return client.post(f"/setup/{token}/", form, follow=True).content.decode()


def test_the_setup_link_makes_the_first_member_and_logs_in(client: Client, token: str) -> None:
    html = become_first(client, token)
    assert "first@example.com" in html
    assert User.objects.get().check_password(PASSWORD)


def test_the_setup_link_works_once(client: Client, token: str) -> None:
    become_first(client, token)
    answer = Client().get(f"/setup/{token}/")
    assert answer.status_code == 404
    assert "manage.py setuplink" in answer.content.decode()


def test_a_setup_link_expires(client: Client) -> None:
    token = issue_setup_token(now=timezone.now() - timedelta(days=2))
    assert client.get(f"/setup/{token}/").status_code == 404


@pytest.mark.parametrize(
    "changes", [{"password": "short", "repeated": "short"}, {"repeated": "another one"}, {"email": "nobody"}]
)
def test_a_first_member_whose_form_cannot_be_used_is_told_and_may_try_again(
    client: Client, token: str, changes: dict[str, str]
) -> None:
    assert "errorlist" in become_first(client, token, **changes)
    assert not User.objects.exists()
    become_first(client, token)
    assert User.objects.exists()


def test_home_lists_games_when_there_are_several(as_owner: Client, game: Game, owner: User) -> None:
    create_game(name="Second", owner=owner, now=timezone.now())
    html = as_owner.get("/").content.decode()
    assert "Dungeon" in html
    assert "Second" in html


def test_home_shows_no_game_of_others(as_owner: Client, game: Game, other_game: Game) -> None:
    assert other_game.name not in as_owner.get("/?all").content.decode()


def test_a_user_without_a_game_is_told_what_to_do(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert "You are not in a game yet" in client.get("/").content.decode()


def test_a_new_game_makes_its_maker_admin_and_shows_setup(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    answer = client.post("/games/new/", {"name": "My Game"})
    game = Game.objects.get()
    assert answer["Location"] == f"/g/{game.slug}/setup/"
    assert Membership.objects.get().role == Role.ADMIN


def test_a_game_name_that_cannot_be_used_is_told_on_the_form(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    answer = client.post("/games/new/", {"name": "a\u200bb"})
    assert "printable" in answer.content.decode()
    assert not Game.objects.exists()


def test_an_unknown_address_has_a_page_of_its_own(client: Client, db: None) -> None:
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert "To your games" in answer.content.decode()


def test_the_page_for_a_fault_needs_neither_session_nor_database() -> None:
    answer = errors.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "To your games" in answer.content.decode()
