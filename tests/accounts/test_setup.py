"""The first member: a one-time link that only whoever sees the console has."""

from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.urls import resolve
from pytest_django.fixtures import Settings

from connmon.accounts.actions import (
    SETUP_TOKEN_LIFE,
    create_first_member,
    create_game_without_members,
    issue_setup_token,
)
from connmon.accounts.models import Membership, Role, SetupToken, User
from connmon.core import ids
from connmon.core.errors import Invalid, NotFound
from tests.conftest import NOW

PASSWORD = "correct horse battery"
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings, db: None) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def sign_up(token: str | None, email: str = "first@example.com", password: str = PASSWORD) -> User:
    assert token is not None
    return create_first_member(token=token, email=email, password=password, now=LATER)


def test_the_token_makes_the_first_member() -> None:
    user = sign_up(issue_setup_token(now=NOW))
    assert user.is_superuser
    assert user.check_password(PASSWORD)


def test_the_token_works_once() -> None:
    token = issue_setup_token(now=NOW)
    sign_up(token)
    with pytest.raises(NotFound, match="setuplink"):
        sign_up(token, "second@example.com")
    assert User.objects.count() == 1


def test_a_used_token_stays_used_when_its_member_is_gone() -> None:
    token = issue_setup_token(now=NOW)
    sign_up(token).delete()
    with pytest.raises(NotFound):
        sign_up(token)


def test_the_token_is_stored_as_a_digest() -> None:
    token = issue_setup_token(now=NOW)
    assert token
    assert bytes(SetupToken.objects.get().digest) == ids.digest(token)


def test_a_token_ends_after_its_life() -> None:
    token = issue_setup_token(now=LATER - SETUP_TOKEN_LIFE)
    with pytest.raises(NotFound):
        sign_up(token)
    assert not User.objects.exists()


def test_a_new_token_ends_the_one_before() -> None:
    first, second = issue_setup_token(now=NOW), issue_setup_token(now=NOW)
    with pytest.raises(NotFound):
        sign_up(first)
    assert sign_up(second)


def test_an_unknown_token_makes_nobody() -> None:
    issue_setup_token(now=NOW)
    with pytest.raises(NotFound):
        sign_up("guess")
    assert not User.objects.exists()


def test_there_is_no_token_once_there_is_a_member() -> None:
    sign_up(issue_setup_token(now=NOW))
    assert issue_setup_token(now=LATER) is None


def test_a_token_from_before_does_not_make_a_second_member() -> None:
    token = issue_setup_token(now=NOW)
    User.objects.create_user("someone@example.com")
    with pytest.raises(NotFound):
        sign_up(token)
    assert SetupToken.objects.get().used_at is None


@pytest.mark.parametrize("password", ["short", "password123", "12345678", "first@example.com"])
def test_a_weak_password_is_refused_and_the_token_stays_good(password: str) -> None:
    token = issue_setup_token(now=NOW)
    with pytest.raises(Invalid):
        sign_up(token, password=password)
    assert sign_up(token)


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a b@example.com"])
def test_what_is_no_address_is_refused(email: str) -> None:
    token = issue_setup_token(now=NOW)
    with pytest.raises(Invalid):
        sign_up(token, email=email)
    assert not User.objects.exists()


def test_the_first_member_is_an_admin_of_the_demo_game_alone() -> None:
    demo = create_game_without_members(name="Demo", now=NOW, is_demo=True)
    create_game_without_members(name="Other", now=NOW)
    user = sign_up(issue_setup_token(now=NOW))
    membership = Membership.objects.get(user=user)
    assert (membership.game, membership.role) == (demo, Role.ADMIN)


def test_the_command_prints_a_link_that_leads_to_the_sign_up() -> None:
    out = StringIO()
    call_command("setuplink", url="https://connmon.example.com/", stdout=out)
    link = urlsplit(out.getvalue().strip())
    assert (link.scheme, link.netloc) == ("https", "connmon.example.com")
    match = resolve(link.path)
    assert match.url_name == "first-member"
    assert sign_up(match.kwargs["token"])


def test_the_command_prints_nothing_once_there_is_a_member() -> None:
    User.objects.create_user("someone@example.com")
    out = StringIO()
    call_command("setuplink", stdout=out)
    assert out.getvalue() == ""
