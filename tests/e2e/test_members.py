"""Accounts in real browsers: an invitation, a second factor, a removal that closes an open page, OpenID Connect."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.accounts.issuer import Issuer
from tests.dashboard.people import code
from tests.e2e.house import House
from tests.e2e.visitor import PASSWORD, Visitor

GAME, SLUG = "Card Duel", "card-duel"
MakeVisitor = Callable[[], Visitor]


@pytest.fixture(scope="module", autouse=True)
def game(running: House, person: Visitor) -> None:
    person.create_game(running.url, GAME)


def expect_live(page: Page) -> None:
    expect(page.locator("[data-life=live]")).to_be_visible(timeout=60_000)


def remove(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/g/{SLUG}/members/")
    row = page.locator("tr", has_text=email)
    row.locator("summary", has_text="Remove").click()
    row.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("is no longer in this game")).to_be_visible(timeout=60_000)


def test_an_invited_member_is_in_and_out_again_within_seconds(
    running: House, person: Visitor, new_visitor: MakeVisitor
) -> None:
    guest = new_visitor()
    guest.join(person.invite(running.url, SLUG, "viewer"), "guest@example.com")
    expect_live(guest.page)
    guest.page.goto(f"{running.url}/g/{SLUG}/members/")
    expect(guest.page.get_by_role("button", name="Invite")).to_have_count(0)
    guest.page.goto(f"{running.url}/g/{SLUG}/")
    expect_live(guest.page)
    remove(person.page, running.url, "guest@example.com")
    expect(guest.page.locator("[data-life=ended]")).to_be_visible(timeout=60_000)
    assert person.complaints == []


def test_a_second_factor_is_switched_on_and_asked_for(
    running: House, person: Visitor, new_visitor: MakeVisitor
) -> None:
    guest, other = new_visitor(), new_visitor()
    guest.join(person.invite(running.url, SLUG, "viewer"), "careful@example.com")
    page = guest.page
    page.goto(f"{running.url}/account/")
    page.get_by_role("link", name="Switch on").click()
    guest.confirm_before("#totp-key")
    assert page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
    page.fill("input[name=code]", code(page.locator("#totp-key").inner_text()))
    page.get_by_role("button", name="Switch on").click()
    first = page.locator("#codes").inner_text().split()[0]
    other.page.goto(f"{running.url}/login/")
    other.page.fill("input[name=login]", "careful@example.com")
    other.page.fill("input[name=password]", PASSWORD)
    other.page.get_by_role("button", name="Log in", exact=True).click()
    other.page.fill("input[name=code]", first)
    other.page.get_by_role("button", name="Log in").click()
    expect_live(other.page)
    assert guest.complaints == other.complaints == []


def test_the_log_in_service_leads_there_and_back(
    running: House, person: Visitor, new_visitor: MakeVisitor, issuer: Issuer
) -> None:
    link = person.invite(running.url, SLUG, "planner")
    issuer.be("sub-1", "planner@example.com")
    guest = new_visitor()
    guest.page.goto(link)
    guest.page.get_by_role("button", name="Go on with Example Works").click()
    expect_live(guest.page)
    assert guest.page.url == f"{running.url}/g/{SLUG}/"
    assert guest.complaints == []
