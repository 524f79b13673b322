"""No page of the framework's own: every address that allauth has is ours, in our templates, or is not there."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.urls import urlpatterns as allauth_urls
from django.conf import settings
from django.template.loader import get_template
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, reverse

from connmon.accounts.models import Game, User
from tests.dashboard.people import confirm, give_app, give_password, log_in

pytestmark = pytest.mark.usefixtures("fresh_limits")

VALUES = {"uidb36": "1", "key": "abcdef", "provider_id": "oidc"}


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


def address_of(name: str) -> str:
    for wanted in ((), ("key",), ("uidb36", "key"), ("provider_id",)):
        try:
            return reverse(name, kwargs={word: VALUES[word] for word in wanted})
        except NoReverseMatch:
            continue
    pytest.fail(f"allauth looks {name} up, and this site has no address for it")


ALL = sorted(set(names(list(allauth_urls))))
CLOSED = {
    "account_confirm_email", "account_confirm_login_code", "account_email", "account_email_verification_sent",
    "account_signup", "mfa_download_recovery_codes", "socialaccount_signup",
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_visitor_gets_our_page_or_none(name: str, client: Client, db: None) -> None:
    answer = client.get(address_of(name))
    assert answer.status_code in {200, 302, 401, 404, 405}
    check_page(answer)


@pytest.mark.parametrize("name", ALL)
def test_a_member_gets_our_page_or_none(name: str, client: Client, game: Game, owner: User) -> None:
    give_password(owner)
    log_in(client, owner.email)
    confirm(client)
    answer = client.get(address_of(name))
    assert answer.status_code in {200, 302, 401, 404, 405}
    check_page(answer)


@pytest.mark.parametrize("name", ["mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_index"])
def test_with_a_second_factor_its_pages_are_ours_too(name: str, client: Client, game: Game, owner: User) -> None:
    client.force_login(owner)
    confirm_with_app(client, owner)
    answer = client.get(address_of(name))
    assert answer.status_code == 200
    check_page(answer)


def confirm_with_app(client: Client, owner: User) -> None:
    give_app(owner)
    give_password(owner)
    client.force_login(owner)
    confirm(client)


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_what_is_not_offered_is_not_found(name: str, client: Client, db: None) -> None:
    assert client.get(address_of(name)).status_code == 404
    assert client.post(address_of(name), {"email": "new@example.com", "password1": "x" * 20}).status_code == 404
    assert not User.objects.exists()


def test_no_template_of_allauth_can_be_found() -> None:
    folder = str(settings.BASE_DIR / "templates")
    for name in ("account/login.html", "mfa/authenticate.html", "socialaccount/authentication_error.html"):
        origin = get_template(name).origin  # type: ignore[attr-defined]  # of Django's own engine
        assert str(origin.name).startswith(folder)
    assert settings.TEMPLATES[0]["APP_DIRS"] is False


def check_page(answer: Any) -> None:
    """Strict policy, nothing inline, our own frame."""
    if answer.status_code in {302, 405}:
        return
    html = answer.content.decode()
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"", html)
    assert '<a class="brand"' in html
