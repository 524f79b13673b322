"""The second factor: switched on and off, asked for at log-in, and no code twice."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from connmon.accounts.models import User
from tests.dashboard.people import SECRET, code, confirm, give_app, give_password, is_in, log_in

pytestmark = pytest.mark.usefixtures("fresh_limits", "game")


@pytest.fixture
def person(owner: User) -> User:
    return give_password(owner)


@pytest.fixture
def with_app(person: User) -> User:
    give_app(person)
    return person


def switch_on(client: Client) -> str:
    """Goes through the page; the recovery codes' page that follows."""
    page = client.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r'id="totp-key">([A-Z2-7]+)<', page)
    assert found
    return client.post("/account/2fa/totp/activate/", {"code": code(found[1])}, follow=True).content.decode()


def recovery_codes(html: str) -> list[str]:
    shown = re.search(r'<pre id="codes"[^>]*>([^<]*)</pre>', html)
    assert shown
    return shown[1].split()


def test_switching_it_on_takes_the_password_again(client: Client, person: User) -> None:
    log_in(client, person.email)
    answer = client.get("/account/2fa/totp/activate/")
    assert answer["Location"].startswith("/account/reauthenticate/")


def test_it_is_switched_on_and_its_recovery_codes_are_shown_once(client: Client, person: User) -> None:
    log_in(client, person.email)
    confirm(client)
    codes = recovery_codes(switch_on(client))
    assert len(codes) == 10
    again = client.get("/account/2fa/recovery-codes/").content.decode()
    assert not any(one in again for one in codes)
    assert "not shown again" in again


def test_a_wrong_first_code_switches_nothing_on(client: Client, person: User) -> None:
    log_in(client, person.email)
    confirm(client)
    client.get("/account/2fa/totp/activate/")
    assert "not right" in client.post("/account/2fa/totp/activate/", {"code": "000000"}).content.decode()
    assert not Authenticator.objects.exists()


def test_the_password_alone_does_not_log_in(client: Client, with_app: User) -> None:
    assert log_in(client, with_app.email)["Location"].startswith("/account/2fa/authenticate/")
    assert not is_in(client)


def test_password_and_code_log_in(client: Client, with_app: User) -> None:
    log_in(client, with_app.email)
    client.post("/account/2fa/authenticate/", {"code": code()})
    assert is_in(client)


def test_a_code_cannot_be_replayed(client: Client, with_app: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time.time", lambda: 1_800_000_010.0)
    for visitor in (client, Client()):
        log_in(visitor, with_app.email)
        answer = visitor.post("/account/2fa/authenticate/", {"code": code()})
    assert "was used before" in answer.content.decode()
    assert not is_in(visitor)


def test_a_code_of_the_step_before_is_refused(client: Client, with_app: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time.time", lambda: 1_800_000_010.0)
    old = code()
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time.time", lambda: 1_800_000_031.0)
    log_in(client, with_app.email)
    client.post("/account/2fa/authenticate/", {"code": old})
    assert not is_in(client)


def test_guesses_at_the_code_are_limited(client: Client, with_app: User) -> None:
    log_in(client, with_app.email)
    for _ in range(5):
        client.post("/account/2fa/authenticate/", {"code": "000000"})
    answer = client.post("/account/2fa/authenticate/", {"code": code()})
    assert "Too many attempts" in answer.content.decode()
    assert not is_in(client)


def test_a_recovery_code_logs_in_once(client: Client, person: User) -> None:
    log_in(client, person.email)
    confirm(client)
    first = recovery_codes(switch_on(client))[0]
    visitors = [Client(), Client()]
    for visitor in visitors:
        log_in(visitor, person.email)
        visitor.post("/account/2fa/authenticate/", {"code": first})
    assert [is_in(visitor) for visitor in visitors] == [True, False]


def test_switching_it_off_takes_the_password_again_and_ends_the_recovery_codes(client: Client, person: User) -> None:
    log_in(client, person.email)
    confirm(client)
    switch_on(client)
    thief = Client()
    thief.force_login(person)
    assert thief.post("/account/2fa/totp/deactivate/")["Location"].startswith("/account/reauthenticate/")
    client.post("/account/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()


def test_the_apps_secret_is_encrypted_in_the_database(with_app: User) -> None:
    stored = str(Authenticator.objects.get().data)
    assert SECRET not in stored


def test_a_password_link_does_not_get_past_the_second_factor(client: Client, with_app: User) -> None:
    from connmon.accounts.passwords import make_path

    form = client.get(make_path(with_app), follow=True)
    new = {"password1": "purple staple engine", "password2": "purple staple engine"}
    client.post(form.redirect_chain[-1][0], new)
    assert not is_in(client)
    log_in(client, with_app.email, "purple staple engine")
    assert not is_in(client)
