"""The account's page: where one is logged in, and the end of that."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from connmon.accounts.models import AuditEntry, User
from dashboard.devices import name_device
from tests.dashboard.people import OTHER_PASSWORD, PASSWORD, give_password, is_in, log_in

pytestmark = pytest.mark.usefixtures("fresh_limits", "game")

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def person(owner: User) -> User:
    return give_password(owner)


@pytest.fixture
def desk(person: User) -> Client:
    client = Client(headers={"user-agent": FIREFOX}, REMOTE_ADDR="192.0.2.1")
    log_in(client, person.email)
    return client


@pytest.fixture
def phone(person: User) -> Client:
    client = Client(headers={"user-agent": PHONE}, REMOTE_ADDR="192.0.2.2")
    log_in(client, person.email)
    return client


def session_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def test_both_sessions_are_listed_with_device_and_address(desk: Client, phone: Client) -> None:
    html = desk.get("/account/").content.decode()
    assert html.index("Firefox on Linux") < html.index("Safari on iPhone")
    assert "192.0.2.1" in html
    assert "192.0.2.2" in html
    assert html.count("this one") == 1


def test_one_session_is_ended(desk: Client, phone: Client) -> None:
    desk.post(f"/account/sessions/{session_of(phone).pk}/end/")
    assert [is_in(desk), is_in(phone)] == [True, False]


def test_all_others_are_ended(desk: Client, phone: Client) -> None:
    desk.post("/account/sessions/end-others/")
    assert [is_in(desk), is_in(phone)] == [True, False]


def test_nobody_ends_or_sees_anothers_session(desk: Client, stranger: User) -> None:
    other = Client(REMOTE_ADDR="192.0.2.9")
    other.force_login(stranger)
    assert other.post(f"/account/sessions/{session_of(desk).pk}/end/").status_code == 404
    assert "192.0.2.1" not in other.get("/account/").content.decode()
    assert is_in(desk)


def test_a_session_from_elsewhere_shows_its_new_address(
    desk: Client, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connmon.accounts.sessions.is_due", lambda key: True)
    desk.get("/account/", REMOTE_ADDR="198.51.100.7")
    assert session_of(desk).ip == "198.51.100.7"


def test_use_is_noted_once_a_minute(desk: Client) -> None:
    desk.get("/account/")
    first = session_of(desk).last_seen_at
    desk.get("/account/")
    assert session_of(desk).last_seen_at == first


def test_pages_go_on_when_nobody_can_count(desk: Client, settings: Settings) -> None:
    broken = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": broken}
    assert is_in(desk)


def test_a_new_password_ends_the_others(desk: Client, phone: Client) -> None:
    new = {"oldpassword": PASSWORD, "password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    assert desk.post("/account/password/change/", new)["Location"] == "/account/"
    assert Session.objects.count() == 1  # before the phone asks for a page: open sockets look at no more than that
    assert [is_in(desk), is_in(phone)] == [True, False]
    assert "End all others" not in desk.get("/account/").content.decode()


def test_a_wrong_old_password_changes_nothing(desk: Client, phone: Client, person: User) -> None:
    wrong = {"oldpassword": "guess", "password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    assert "errorlist" in desk.post("/account/password/change/", wrong).content.decode()
    assert is_in(phone)


def test_the_command_ends_all_and_leaves_an_entry(desk: Client, phone: Client, person: User) -> None:
    call_command("endsessions", "OWNER@example.com")
    assert [is_in(desk), is_in(phone)] == [False, False]
    entry = AuditEntry.objects.get(action="sessions.ended")
    assert (entry.target, entry.after) == (person.email, {"sessions": 2})


def test_the_command_says_when_there_is_no_such_account(db: None) -> None:
    with pytest.raises(CommandError, match="no account"):
        call_command("endsessions", "nobody@example.com")


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.1", "curl"),
        ("", "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
    ],
)
def test_devices_are_named_in_a_few_words(user_agent: str, name: str) -> None:
    assert name_device(user_agent) == name
