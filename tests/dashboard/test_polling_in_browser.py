"""Live pages in a Chromium that gets no socket."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from connmon.accounts.models import Game
from tests.dashboard.browsing import BROWSER
from tests.machine import Machine, service

pytestmark = BROWSER


def block_sockets(page: Page) -> None:
    page.route_web_socket("**/ws/v1/live**", lambda socket: socket.close())


def test_a_browser_without_sockets_asks(
    page: Page, game: Game, make_server: Callable[..., Machine], complaints: list[str]
) -> None:
    server = make_server()
    server.send_first(services=[service("CombatService", live=5)])
    block_sockets(page)
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "polling")
    expect(page.locator("[data-badge-word]")).to_have_text("Polling")
    server.send(services=[service("CombatService", live=77)])
    expect(page.locator('[data-bind="totals.live"]')).to_have_text("77")
    assert complaints == []


def test_whoever_is_logged_out_meanwhile_is_told_and_asks_no_more(
    page: Page, game: Game, complaints: list[str]
) -> None:
    block_sockets(page)
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "polling")
    page.context.clear_cookies()
    expect(page.locator("[data-badge-word]")).to_have_text("Logged out: log in again")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "ended")


def test_a_hidden_tab_asks_for_nothing(page: Page, game: Game, complaints: list[str]) -> None:
    block_sockets(page)
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.isAway === true })")
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "live.json" in request.url else None)
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "polling")
    page.evaluate("window.isAway = true")
    page.clock.fast_forward(20_000)
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "stale")
    known = len(asked)
    page.evaluate("window.isAway = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "polling")
    assert len(asked) == known + 1
