"""Accounts in real browsers: an invitation, a second factor, a removal that closes an open page, OpenID Connect."""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accounts import issuer as stand_in
from tests.accounts.issuer import CLIENT_ID, CLIENT_SECRET, Issuer
from tests.dashboard.people import code
from tests.e2e import house, visitor
from tests.e2e.visitor import PASSWORD, Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("NO_BROWSER") == "1", reason="NO_BROWSER=1 leaves the browser out"),
]

GAME, SLUG = "Obstacle Run", "obstacle-run"
PATIENCE = 60_000.0  # ms; the machine is shared


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with stand_in.running() as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONNMON_OIDC_ISSUER", found.url)
        patch.setenv("CONNMON_OIDC_CLIENT_ID", CLIENT_ID)
        patch.setenv("CONNMON_OIDC_CLIENT_SECRET", CLIENT_SECRET)
        patch.setenv("CONNMON_OIDC_NAME", "Example Works")
        yield found


@pytest.fixture(scope="module")
def running(issuer: Issuer) -> Iterator[house.House]:
    with house.running("--no-demo") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with visitor.browser() as found:
        yield found


def new_visitor(browser: Browser) -> Visitor:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(PATIENCE)
    return Visitor(context)


@pytest.fixture(scope="module")
def admin(running: house.House, browser: Browser) -> Visitor:
    found = new_visitor(browser)
    found.sign_up(running.sign_up)
    found.create_game(running.url, GAME)
    return found


def invite(admin: Visitor, url: str, role: str) -> str:
    """The link of a new invitation, as it is shown once."""
    page = admin.page
    page.goto(f"{url}/g/{SLUG}/members/")
    page.select_option("select[name=role] >> nth=-1", role)
    page.get_by_role("button", name="Invite").click()
    page.wait_for_url(re.compile("reauthenticate|members"))
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Go on").click()
    return page.locator("#new-link").inner_text()


def test_an_invited_member_is_in_and_out_again_within_seconds(
    running: house.House, admin: Visitor, browser: Browser
) -> None:
    link = invite(admin, running.url, "viewer")
    guest = new_visitor(browser)
    guest.page.goto(link)
    guest.page.fill("input[name=email]", "guest@example.com")
    guest.page.fill("input[name=password]", PASSWORD)
    guest.page.fill("input[name=repeated]", PASSWORD)
    guest.page.get_by_role("button", name="Make an account and join").click()
    expect(guest.page.locator("[data-life=live]")).to_be_visible(timeout=PATIENCE)
    guest.page.goto(f"{running.url}/g/{SLUG}/members/")
    expect(guest.page.get_by_role("button", name="Invite")).to_have_count(0)
    guest.page.goto(f"{running.url}/g/{SLUG}/")
    expect(guest.page.locator("[data-life=live]")).to_be_visible(timeout=PATIENCE)
    remove(admin.page, running.url, "guest@example.com")
    expect(guest.page.locator("[data-life=ended]")).to_be_visible(timeout=PATIENCE)
    assert admin.complaints == []


def remove(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/g/{SLUG}/members/")
    row = page.locator("tr", has_text=email)
    row.locator("summary", has_text="Remove").click()
    row.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("is no longer in this game")).to_be_visible(timeout=PATIENCE)


def test_a_second_factor_is_switched_on_and_asked_for(running: house.House, admin: Visitor, browser: Browser) -> None:
    page = admin.page
    page.goto(f"{running.url}/account/")
    page.get_by_role("link", name="Switch on").click()
    page.wait_for_url(re.compile("reauthenticate|activate"))
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Go on").click()
    secret = page.locator("#totp-key").inner_text()
    assert page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
    page.fill("input[name=code]", code(secret))
    page.get_by_role("button", name="Switch on").click()
    first = page.locator("#codes").inner_text().split()[0]
    other = new_visitor(browser)
    other.page.goto(f"{running.url}/login/")
    other.page.fill("input[name=login]", visitor.EMAIL)
    other.page.fill("input[name=password]", PASSWORD)
    other.page.get_by_role("button", name="Log in", exact=True).click()
    other.page.fill("input[name=code]", first)
    other.page.get_by_role("button", name="Log in").click()
    expect(other.page.locator("[data-life=live]")).to_be_visible(timeout=PATIENCE)
    assert admin.complaints == other.complaints == []


def test_the_log_in_service_leads_there_and_back(
    running: house.House, admin: Visitor, browser: Browser, issuer: Issuer
) -> None:
    link = invite(admin, running.url, "planner")
    issuer.be("sub-1", "planner@example.com")
    guest = new_visitor(browser)
    guest.page.goto(link)
    guest.page.get_by_role("button", name="Go on with Example Works").click()
    expect(guest.page.locator("[data-life=live]")).to_be_visible(timeout=PATIENCE)
    assert guest.page.url == f"{running.url}/g/{SLUG}/"
    assert guest.complaints == []
