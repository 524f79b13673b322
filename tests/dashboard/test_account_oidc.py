"""OpenID Connect against a stand-in issuer: who gets into which account, and who does not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from connmon.accounts import invitations, oidc
from connmon.accounts.actions import create_first_member, issue_setup_token
from connmon.accounts.addresses import note_verified
from connmon.accounts.audit import UNNAMED
from connmon.accounts.models import Game, Membership, Role, User
from tests.accounts.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running
from tests.dashboard.people import PASSWORD, confirm, give_app, give_password, is_in, log_in

pytestmark = pytest.mark.usefixtures("fresh_limits", "db")
LOGIN = "/account/oidc/login/"


@pytest.fixture
def issuer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    with running() as issuer:
        monkeypatch.setenv("CONNMON_OIDC_ISSUER", issuer.url)
        monkeypatch.setenv("CONNMON_OIDC_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("CONNMON_OIDC_CLIENT_SECRET", CLIENT_SECRET)
        monkeypatch.setenv("CONNMON_OIDC_NAME", "Example Works")
        settings.SOCIALACCOUNT_PROVIDERS = oidc.read_providers()
        yield issuer


def leave(client: Client, **form: str) -> str:
    """Where the page sends the visitor."""
    answer = client.post(LOGIN, form)
    assert answer.status_code == 200
    wait, _, target = answer["Refresh"].partition("; url=")
    assert wait == "0"
    return str(target)


def go_through(client: Client, issuer: Issuer, **form: str) -> Any:
    """There and back; the answer in the end."""
    return client.get(f"{LOGIN}callback/?{issuer.authorize(leave(client, **form))}", follow=True)


@pytest.fixture
def verified(owner: User) -> User:
    note_verified(owner)
    return owner


def test_the_log_in_page_offers_it(client: Client, issuer: Issuer) -> None:
    assert "Go on with Example Works" in client.get("/login/").content.decode()


def test_without_settings_there_is_nothing(client: Client) -> None:
    assert LOGIN not in client.get("/login/").content.decode()
    assert client.post(LOGIN).status_code == 404
    assert client.get(f"{LOGIN}callback/").status_code == 404


def test_leaving_takes_a_form_of_this_site(issuer: Issuer) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get(LOGIN).status_code == 405
    assert client.post(LOGIN).status_code == 403


def test_a_verified_address_leads_into_its_account(client: Client, issuer: Issuer, game: Game, verified: User) -> None:
    issuer.be("sub-1", "Owner@Example.com")
    assert f'data-game="{game.slug}"' in go_through(client, issuer).content.decode()
    assert SocialAccount.objects.get().user == verified


def test_the_account_is_known_again_by_its_subject(client: Client, issuer: Issuer, game: Game, verified: User) -> None:
    issuer.be("sub-1", verified.email)
    go_through(client, issuer)
    issuer.be("sub-1", "married@example.com")
    other = Client()
    go_through(other, issuer)
    assert is_in(other)
    assert User.objects.count() == 1


@pytest.mark.parametrize("verified_claim", [False, "false", None, 0])
def test_an_address_that_the_issuer_does_not_vouch_for_opens_nothing(
    client: Client, issuer: Issuer, verified: User, verified_claim: object
) -> None:
    issuer.be("sub-1", verified.email, verified=verified_claim)
    assert "vouches for no e-mail" in go_through(client, issuer).content.decode()
    assert not is_in(client)


def test_an_account_whose_address_nobody_checked_is_not_opened(client: Client, issuer: Issuer, owner: User) -> None:
    """Somebody may have signed up with another's address, and waits for its owner to come in."""
    give_password(owner)
    issuer.be("sub-1", owner.email)
    assert "connect the two under Account" in go_through(client, issuer).content.decode()
    assert not is_in(client)
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_an_address_that_is_only_noted_does_not_count_as_checked(client: Client, issuer: Issuer, owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=False)
    issuer.be("sub-1", owner.email)
    go_through(client, issuer)
    assert not is_in(client)


def test_the_first_members_address_counts_as_checked(client: Client, issuer: Issuer) -> None:
    token = issue_setup_token(now=timezone.now())
    assert token
    create_first_member(token=token, email="first@example.com", password=PASSWORD, now=timezone.now())
    issuer.be("sub-1", "first@example.com")
    go_through(client, issuer)
    assert is_in(client)


def test_somebody_unknown_makes_no_account(client: Client, issuer: Issuer, game: Game) -> None:
    issuer.be("sub-9", "nobody@example.com")
    answer = go_through(client, issuer)
    assert answer.status_code == 403
    assert "Ask an admin of your game" in answer.content.decode()
    assert not User.objects.filter(email="nobody@example.com").exists()


def invite(game: Game, email: str = "", *, ago: timedelta = timedelta()) -> str:
    now = timezone.now() - ago
    made = invitations.invite(game, role=Role.PLANNER, email=email, now=now, by=UNNAMED)
    return f"/join/{made.token}/"


def test_with_an_invitation_it_makes_an_account_that_is_in(client: Client, issuer: Issuer, game: Game) -> None:
    link = invite(game)
    assert LOGIN in client.get(link).content.decode()
    issuer.be("sub-2", "new@example.com")
    answer = go_through(client, issuer, next=link)
    assert f'data-game="{game.slug}"' in answer.content.decode()
    assert Membership.objects.get(user__email="new@example.com").role == Role.PLANNER
    assert not User.objects.get(email="new@example.com").has_usable_password()


def test_an_invitation_makes_one_account(client: Client, issuer: Issuer, game: Game) -> None:
    link = invite(game)
    second = Client()
    for visitor in (client, second):
        visitor.get(link)
    for number, visitor in enumerate((client, second)):
        issuer.be(f"sub-{number}", f"new{number}@example.com")
        go_through(visitor, issuer)
    assert [is_in(client), is_in(second)] == [True, False]
    assert not User.objects.filter(email="new1@example.com").exists()


def test_an_invitation_for_an_address_is_for_that_address(client: Client, issuer: Issuer, game: Game) -> None:
    client.get(invite(game, "boss@example.com"))
    issuer.be("sub-3", "clerk@example.com")
    assert "Your invitation is for boss@example.com" in go_through(client, issuer).content.decode()
    assert not User.objects.filter(email="clerk@example.com").exists()


def test_the_second_factor_is_asked_for_here_too(client: Client, issuer: Issuer, verified: User) -> None:
    give_app(verified)
    issuer.be("sub-1", verified.email)
    assert "Second factor" in go_through(client, issuer).content.decode()
    assert not is_in(client)


def test_a_member_connects_and_disconnects(client: Client, issuer: Issuer, game: Game, owner: User) -> None:
    log_in(client, give_password(owner).email)
    confirm(client)
    issuer.be("sub-1", "other-name@example.com")
    assert "Disconnect" in go_through(client, issuer, process="connect").content.decode()
    visitor = Client()
    go_through(visitor, issuer)
    assert is_in(visitor)
    client.post("/account/oidc/disconnect/")
    assert not SocialAccount.objects.exists()


def test_connecting_takes_the_password_again(client: Client, issuer: Issuer, game: Game, owner: User) -> None:
    log_in(client, give_password(owner).email)
    issuer.be("sub-1", owner.email)
    assert "Confirm that it is you" in go_through(client, issuer, process="connect").content.decode()
    assert not SocialAccount.objects.exists()


def test_who_has_no_password_keeps_the_connection(client: Client, issuer: Issuer, game: Game, verified: User) -> None:
    issuer.be("sub-1", verified.email)
    go_through(client, issuer)
    assert "Set a password first" in client.post("/account/oidc/disconnect/", follow=True).content.decode()
    assert SocialAccount.objects.exists()


def test_a_made_up_way_back_is_refused(client: Client, issuer: Issuer, verified: User) -> None:
    issuer.be("sub-1", verified.email)
    answer = client.get(f"{LOGIN}callback/?code=code-0&state=made-up")
    assert "This did not log you in" in answer.content.decode()
    assert not is_in(client)


def test_anothers_way_back_does_not_log_in(client: Client, issuer: Issuer, verified: User) -> None:
    issuer.be("sub-1", verified.email)
    query = issuer.authorize(leave(client))
    victim = Client()
    victim.get(f"{LOGIN}callback/?{query}")
    assert not is_in(victim)


def test_a_token_for_another_client_is_refused(client: Client, issuer: Issuer, verified: User) -> None:
    issuer.audience = "somebody-else"
    issuer.be("sub-1", verified.email)
    go_through(client, issuer)
    assert not is_in(client)


def test_turning_back_there_says_so(client: Client, issuer: Issuer) -> None:
    state = issuer.authorize(leave(client)).partition("state=")[2]
    answer = client.get(f"{LOGIN}callback/?error=access_denied&state={state}", follow=True)
    assert "Log-in cancelled" in answer.content.decode()


def test_an_issuer_that_answers_nonsense_is_told_of(client: Client, issuer: Issuer) -> None:
    issuer.broken = True
    answer = client.post(LOGIN)
    assert answer.status_code == 502
    assert "did not answer as it should" in answer.content.decode()


def test_an_issuer_that_breaks_on_the_way_is_told_of(client: Client, issuer: Issuer) -> None:
    query = issuer.authorize(leave(client))
    issuer.broken = True
    answer = client.get(f"{LOGIN}callback/?{query}")
    assert "This did not log you in" in answer.content.decode()


def test_the_form_goes_to_this_site_and_the_page_leads_on(client: Client, issuer: Issuer) -> None:
    answer = client.post(LOGIN)
    assert "form-action 'self'" in answer["Content-Security-Policy"]
    assert urlsplit(issuer.url).netloc in answer.content.decode()
