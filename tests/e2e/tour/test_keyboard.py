"""Log-in, search, pause, plan and undo with the keyboard alone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import new_context
from tests.e2e.house import House
from tests.e2e.visitor import EMAIL, PASSWORD, Visitor

MOST_TABS = 80
LONG = 60_000  # ms; the machine is shared


@pytest.fixture(scope="module")
def page(running: House, admin: Visitor, browser: Browser) -> Iterator[Page]:
    """Of somebody without a mouse."""
    visitor = Visitor(new_context(browser))
    yield visitor.page
    assert visitor.complaints == []


def reach(page: Page, target: Locator) -> None:
    """Tabs forward until the target has the focus."""
    for _ in range(MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{MOST_TABS} tabs did not reach {target}")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    reach(page, target)
    page.keyboard.press(key)


def fill(page: Page, target: Locator, text: str) -> None:
    reach(page, target)
    page.keyboard.type(text)


def badge(page: Page) -> Locator:
    return page.locator("[data-badge]")


def test_log_in(running: House, page: Page) -> None:
    page.goto(f"{running.url}/login/")
    fill(page, page.locator("input[name=login]"), EMAIL)
    fill(page, page.locator("input[name=password]"), PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/login/" not in address)


def test_search_leads_to_a_service(running: House, page: Page) -> None:
    page.goto(f"{running.url}/g/demo/")
    page.locator("[data-rows=services] tr", has_text="CombatService").wait_for(timeout=LONG)
    page.keyboard.press("/")
    page.keyboard.type("combats")
    page.locator("#search-found a").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/services/*/")
    expect(page.locator("h1")).to_contain_text("CombatService")


def test_the_skip_link_leads_past_the_side_bar(running: House, page: Page) -> None:
    page.goto(f"{running.url}/g/demo/")
    press(page, page.get_by_role("link", name="Skip to the content"))
    assert page.evaluate("document.activeElement.id") == "main"


def test_rows_are_walked_and_opened(running: House, page: Page) -> None:
    page.goto(f"{running.url}/g/demo/")
    page.locator("[data-rows=services] tr a").nth(1).wait_for(timeout=LONG)
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("main tbody tr:visible").nth(1).locator("a[href]").first
    assert second.evaluate("link => link === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url("**/services/*/")


def test_pause_and_go_on(running: House, page: Page) -> None:
    page.goto(f"{running.url}/g/demo/")
    expect(badge(page)).to_have_attribute("data-life", "live", timeout=LONG)
    page.keyboard.press("p")
    expect(badge(page)).to_have_attribute("data-life", "paused")
    expect(page.locator("[data-badge-word]")).to_contain_text("waiting", timeout=LONG)
    press(page, page.get_by_role("button", name="Pause live updates"))
    expect(badge(page)).to_have_attribute("data-life", "live")


def test_a_plan_is_made_let_run_and_taken_back(running: House, page: Page) -> None:
    page.goto(f"{running.url}/g/demo/")
    press(page, page.get_by_role("link", name="Cleanup", exact=True))
    page.wait_for_url("**/cleanup/")
    press(page, page.get_by_role("link", name="New plan"))
    page.wait_for_url("**/cleanup/new/")
    press(page, page.get_by_label("Orphaned"), "Space")
    fill(page, page.get_by_label("Reason"), "Memory climbs")
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_have_text(re.compile(r"Close [\d,]+ connections on \d+ servers\?"))
    fill(page, page.get_by_label("The game's name"), "Demo")
    page.keyboard.press("Enter")
    expect(page.locator("#hold-title")).to_contain_text("Runs in")
    press(page, page.get_by_role("button", name="Take it back"))
    expect(page.locator('[data-bind="plan.state"]')).to_have_text("Taken back")


def test_log_out(running: House, page: Page) -> None:
    page.goto(f"{running.url}/g/demo/")
    press(page, page.get_by_role("button", name="Log out"))
    page.wait_for_url("**/login/**")
