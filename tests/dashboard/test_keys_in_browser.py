"""Search, columns and rows by keyboard alone."""

from datetime import datetime

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from connmon.accounts.models import Game
from tests.dashboard.browsing import BROWSER
from tests.dashboard.factories import SCRIPT, ServerSpec, put_server, put_service

pytestmark = BROWSER


@pytest.fixture
def moment() -> datetime:
    return timezone.now()


def test_a_search_is_made_and_followed_by_keyboard_alone(
    page: Page, game: Game, moment: datetime, complaints: list[str]
) -> None:
    put_service(game, f"Combat {SCRIPT}")
    combat = put_service(game, "CombatService")
    page.goto(f"/g/{game.slug}/")
    page.keyboard.press("/")
    page.keyboard.type("combat")
    expect(page.locator("[data-search-found] a")).to_have_count(2)
    expect(page.locator("[data-search-found] a").first).to_contain_text(SCRIPT)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/services/{combat.pk}/")
    assert complaints == []


def test_a_search_that_finds_nothing_says_so_and_closes(page: Page, game: Game) -> None:
    page.goto(f"/g/{game.slug}/")
    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    expect(page.locator("[data-search-said]")).to_have_text("Nothing has this in its name.")
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_be_hidden()


def test_rows_are_walked_and_opened(page: Page, game: Game, moment: datetime, complaints: list[str]) -> None:
    servers = [put_server(game, ServerSpec(name), now=moment) for name in ("a", "b", "c")]
    page.goto(f"/g/{game.slug}/servers/")
    for key in "jjjk":
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="b", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/servers/{servers[1].pk}/")
    assert complaints == []


def test_a_column_that_is_hidden_stays_so(page: Page, game: Game, moment: datetime, complaints: list[str]) -> None:
    put_server(game, now=moment)
    page.goto(f"/g/{game.slug}/servers/")
    memory = page.get_by_role("columnheader", name="Memory")
    expect(memory).to_be_visible()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Memory").uncheck()
    expect(memory).to_be_hidden()
    page.get_by_label("Find a server").fill("server")
    page.wait_for_url("**q=server")
    expect(memory).to_be_hidden()
    page.reload()
    expect(memory).to_be_hidden()
    expect(page.get_by_text("800 MB")).to_be_hidden()
    assert complaints == []
