"""Logging in: what is let through, what is slowed down, and what is never told."""

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from connmon.accounts import post
from connmon.accounts.models import Game, User
from tests.dashboard.people import OTHER_PASSWORD, PASSWORD, give_password, is_in, log_in, same_answer

pytestmark = pytest.mark.usefixtures("fresh_limits")


@pytest.fixture
def person(owner: User) -> User:
    return give_password(owner)


@pytest.fixture
def with_mail(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.com"


def test_the_right_password_logs_in(client: Client, person: User, game: Game) -> None:
    assert log_in(client, person.email)["Location"] == "/"
    assert is_in(client)


def test_after_logging_in_the_page_that_was_asked_for_comes(client: Client, person: User, game: Game) -> None:
    assert log_in(client, person.email, next=f"/g/{game.slug}/audit/")["Location"] == f"/g/{game.slug}/audit/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_logging_in_leads_nowhere_else(client: Client, person: User, elsewhere: str) -> None:
    assert log_in(client, person.email, next=elsewhere)["Location"] == "/"


def test_an_unknown_address_is_told_the_same_as_a_wrong_password(client: Client, person: User) -> None:
    known = log_in(client, person.email, "wrong")
    unknown = log_in(client, "nobody@example.com", "wrong")
    assert "is not right" in known.content.decode()
    assert same_answer(known, unknown)


def test_an_account_is_closed_to_guesses_after_five(client: Client, person: User) -> None:
    for _ in range(5):
        log_in(client, person.email, "wrong")
    answer = log_in(client, person.email)
    assert "Too many attempts. Wait five minutes" in answer.content.decode()
    assert not is_in(client)


def test_guesses_at_an_unknown_address_are_answered_alike(client: Client, person: User) -> None:
    for _ in range(5):
        log_in(client, person.email, "wrong", REMOTE_ADDR="192.0.2.1")
        log_in(client, "nobody@example.com", "wrong")
    known, unknown = log_in(client, person.email, "wrong"), log_in(client, "nobody@example.com", "wrong")
    assert "Too many attempts" in known.content.decode()
    assert same_answer(known, unknown)


def test_an_address_is_slowed_down_whatever_accounts_it_tries(client: Client, person: User) -> None:
    for number in range(10):
        log_in(client, f"person{number}@example.com", "wrong")
    assert "Too many attempts" in log_in(client, person.email).content.decode()
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    log_in(elsewhere, person.email)
    assert is_in(elsewhere)


def test_the_right_password_now_and_then_does_not_reset_the_count(client: Client, person: User) -> None:
    for _ in range(5):
        log_in(client, person.email, "wrong")
        log_in(Client(), person.email)
    assert "Too many attempts" in log_in(client, person.email).content.decode()


def test_a_flood_of_log_ins_is_answered_with_a_page_and_a_time_to_wait(client: Client, db: None) -> None:
    answers = [log_in(client, "nobody@example.com", "wrong") for _ in range(31)]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert answers[-1]["Retry-After"] == "60"
    assert "Wait a minute" in answers[-1].content.decode()


def test_an_account_that_is_switched_off_does_not_log_in(client: Client, person: User) -> None:
    User.objects.update(is_active=False)
    answer = client.post("/login/", {"login": person.email, "password": PASSWORD}, follow=True)
    assert "switched off" in answer.content.decode()
    assert not is_in(client)


def test_logging_out_by_a_link_asks_first(client: Client, person: User) -> None:
    log_in(client, person.email)
    assert "Log out?" in client.get("/logout/").content.decode()
    assert is_in(client)
    client.post("/logout/")
    assert not is_in(client)


@pytest.mark.usefixtures("with_mail")
def test_a_forgotten_password_is_answered_alike_for_everybody(client: Client, person: User) -> None:
    known = client.post("/account/password/reset/", {"email": person.email}, follow=True)
    unknown = client.post("/account/password/reset/", {"email": "nobody@example.com"}, follow=True)
    assert same_answer(known, unknown)


@pytest.mark.usefixtures("with_mail", "transactional_db")
def test_only_the_owner_of_an_account_gets_mail(client: Client, person: User) -> None:
    client.post("/account/password/reset/", {"email": "nobody@example.com"})
    client.post("/account/password/reset/", {"email": person.email})
    post.wait_until_sent()
    assert [message.to for message in mail.outbox] == [[person.email]]


@pytest.mark.usefixtures("with_mail", "transactional_db")
def test_the_mailed_link_sets_a_password_once_and_ends_every_session(client: Client, person: User) -> None:
    thief = Client()
    log_in(thief, person.email)
    client.post("/account/password/reset/", {"email": person.email})
    post.wait_until_sent()
    (link,) = (word for word in mail.outbox[0].body.split() if word.startswith("http"))
    form = client.get(link, follow=True)
    assert "Choose a new password" in form.content.decode()
    form_address = form.redirect_chain[-1][0]
    done = client.post(form_address, {"password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}, follow=True)
    assert "Your new password is set" in done.content.decode()
    assert not is_in(thief)
    assert "does not work any more" in Client().get(link, follow=True).content.decode()
    log_in(client, person.email, OTHER_PASSWORD)
    assert is_in(client)


@pytest.mark.usefixtures("with_mail")
def test_one_account_is_not_flooded_with_links(client: Client, person: User) -> None:
    answers = [client.post("/account/password/reset/", {"email": person.email}).status_code for _ in range(4)]
    assert answers == [302, 302, 302, 429]


def test_without_mail_the_page_says_who_can_help(client: Client, person: User) -> None:
    html = client.post("/account/password/reset/", {"email": person.email}).content.decode()
    assert "sends no mail" in html
    assert mail.outbox == []


def test_a_link_that_was_made_up_opens_nothing(client: Client, person: User) -> None:
    html = client.get(f"/account/password/reset/key/{person.pk}-abcdef-0123456789/").content.decode()
    assert "does not work any more" in html
