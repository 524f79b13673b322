"""The pages that one comes to only on the way: links that work once, the password once more, the second factor."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Browser

from tests.dashboard.people import code
from tests.e2e.conftest import new_context
from tests.e2e.house import House
from tests.e2e.tour.addresses import Ids
from tests.e2e.tour.look import look
from tests.e2e.visitor import PASSWORD, Visitor

CAREFUL = "careful@example.com"
NEW_PASSWORD = "another-long-passphrase"
Look = Callable[[str], None]


@pytest.fixture(scope="module")
def newcomer(browser: Browser) -> Visitor:
    return Visitor(new_context(browser))


@pytest.fixture(scope="module")
def codes() -> list[str]:
    """Recovery codes, once they are shown."""
    return []


def at(visitor: Visitor, path: str) -> None:
    """`visitor` has come to `path`, and nothing is wrong there."""
    visitor.page.wait_for_url(f"**{path}**")
    assert look(visitor) == []


def go_on(visitor: Visitor, button: str) -> None:
    visitor.page.get_by_role("button", name=button, exact=True).click()


def test_an_invitation(running: House, admin: Visitor, newcomer: Visitor, ids: Ids) -> None:
    link = admin.invite(running.url, str(ids["slug"]), "viewer")
    assert look(admin) == []
    newcomer.page.goto(link)
    at(newcomer, "/join/")
    newcomer.join(link, CAREFUL)


def test_an_invitation_of_somebody_who_is_logged_in(running: House, admin: Visitor, newcomer: Visitor) -> None:
    newcomer.page.goto(admin.invite(running.url, "demo", "viewer"))
    at(newcomer, "/join/")


def test_a_second_factor(running: House, newcomer: Visitor, codes: list[str]) -> None:
    page = newcomer.page
    page.goto(running.url + reverse("mfa_activate_totp"))
    if "reauthenticate" in page.url:
        at(newcomer, reverse("account_reauthenticate"))
    newcomer.confirm_before("#totp-key")
    at(newcomer, reverse("mfa_activate_totp"))
    page.fill("input[name=code]", code(page.locator("#totp-key").inner_text()))
    go_on(newcomer, "Switch on")
    at(newcomer, reverse("mfa_view_recovery_codes"))
    codes += page.locator("#codes").inner_text().split()
    for name in ("account", "mfa_generate_recovery_codes", "mfa_deactivate_totp"):
        page.goto(running.url + reverse(name))
        at(newcomer, reverse(name))


def test_a_log_in_with_a_second_factor(running: House, newcomer: Visitor, codes: list[str]) -> None:
    page = newcomer.page
    page.context.clear_cookies()
    page.goto(running.url + reverse("account_login"))
    page.fill("input[name=login]", CAREFUL)
    page.fill("input[name=password]", PASSWORD)
    go_on(newcomer, "Log in")
    at(newcomer, reverse("mfa_authenticate"))
    page.fill("input[name=code]", "000000")
    go_on(newcomer, "Log in")
    page.locator(".errorlist, [role=alert]").first.wait_for()
    at(newcomer, reverse("mfa_authenticate"))
    page.fill("input[name=code]", codes[0])
    go_on(newcomer, "Log in")
    page.wait_for_url("**/g/**")


def test_a_wrong_password(running: House, passer_by: Visitor) -> None:
    page = passer_by.page
    page.goto(running.url + reverse("account_login"))
    page.fill("input[name=login]", CAREFUL)
    page.fill("input[name=password]", "a-wrong-passphrase")
    go_on(passer_by, "Log in")
    page.locator(".errorlist, [role=alert]").first.wait_for()
    at(passer_by, reverse("account_login"))


def test_a_new_password_by_a_link(running: House, passer_by: Visitor) -> None:
    passer_by.page.goto(running.run("passwordlink", CAREFUL, "--url", running.url).split()[-1])
    at(passer_by, "/account/password/reset/key/")
    for field in ("password1", "password2"):
        passer_by.page.fill(f"input[name={field}]", NEW_PASSWORD)
    passer_by.page.locator("main form button[type=submit]").click()
    passer_by.page.wait_for_load_state("networkidle")
    assert look(passer_by) == []


def test_a_link_that_is_worth_nothing(running: House, passer_by: Visitor) -> None:
    for path, status in (("/join/nothing/", 404), ("/setup/nothing/", 404), ("/account/password/reset/key/1-x/", 200)):
        passer_by.page.goto(running.url + path)
        assert look(passer_by, status=status) == [], path
