"""While the Redis-protocol server is away: who is in goes on, nobody gets in, and pages say why."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from connmon.accounts.models import User
from tests.dashboard.people import PASSWORD, confirm, give_password, is_in, log_in


@pytest.fixture
def person(owner: User) -> User:
    return give_password(owner)


@pytest.fixture
def visitor() -> Client:
    """Faults come back as answers."""
    return Client(raise_request_exception=False)


@pytest.fixture
def outage(settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}


@pytest.mark.usefixtures("outage")
def test_the_right_password_waits_like_a_wrong_one(visitor: Client, person: User) -> None:
    answers = [log_in(visitor, person.email), log_in(visitor, person.email, "wrong")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].content == answers[1].content
    assert "counts log-in attempts cannot be reached" in answers[0].content.decode()
    assert answers[0]["Retry-After"] == "30"
    assert not is_in(visitor)


@pytest.mark.usefixtures("outage")
def test_the_page_that_asks_for_the_password_is_still_there(visitor: Client, person: User) -> None:
    assert visitor.get("/login/").status_code == 200


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("path", ["/join/dead/", "/account/reauthenticate/"])
def test_whatever_else_is_limited_waits_too(visitor: Client, person: User, path: str) -> None:
    visitor.force_login(person)
    assert visitor.post(path, {"password": PASSWORD}).status_code == 503


def test_whoever_is_in_stays_in_and_gets_out(visitor: Client, person: User, settings: Settings) -> None:
    assert log_in(visitor, person.email).status_code == 302
    confirm(visitor)
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert is_in(visitor)
    assert visitor.post("/logout/").status_code == 302
    assert not is_in(visitor)


@pytest.mark.usefixtures("outage")
def test_other_faults_are_still_faults(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("dashboard.account_forms.LoginForm.__init__", fail)
    assert visitor.get("/login/").status_code == 500
