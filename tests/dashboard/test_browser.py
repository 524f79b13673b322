"""The pages in Chromium: live figures, pause, search, keys, and no complaint of the browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game, User
from connmon.configuration.actions import change_configuration
from tests.dashboard.pages import fill
from tests.machine import PATIENCE, Machine, Site, opened, service

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("NO_BROWSER" in os.environ, reason="NO_BROWSER is set"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}; set CHROMIUM"),
    # Static files come from WhiteNoise, which has no asynchronous way to send them.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # The driver runs a loop in this thread, in which Django would refuse its synchronous calls.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser wrote to its console, and errors of scripts."""
    return []


@pytest.fixture
def page(transactional_db: None, chromium: Browser, site: Site, owner: User, complaints: list[str]) -> Iterator[Page]:
    """A logged-in page."""
    client = Client()
    client.force_login(owner)
    base = f"http://127.0.0.1:{site.port}"
    context = chromium.new_context(base_url=base, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def bound(page: Page, path: str) -> str:
    return page.locator(f'[data-bind="{path}"]').last.inner_text()


def test_the_overview_follows_reports(
    page: Page, game: Game, make_server: Callable[..., Machine], complaints: list[str]
) -> None:
    server = make_server()
    server.send_first(services=[service("CombatService", live=5)])
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    server.send(services=[service("CombatService", live=1234, orphaned=3), service("PetService", live=1)])
    expect(page.locator('[data-bind="totals.live"]')).to_have_text("1,235")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator('[data-bind="verdict.text"]')).to_have_text(
        "The one server reports; 3 connections are orphaned, all in CombatService."
    )
    assert page.locator("tbody tr").last.locator("a").get_attribute("href") is not None
    assert complaints == []


def test_a_paused_page_keeps_its_figures_and_counts_what_waits(
    page: Page, game: Game, make_server: Callable[..., Machine]
) -> None:
    server = make_server()
    server.send_first(services=[service("CombatService", live=5)])
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    page.keyboard.press("p")
    server.send(services=[service("CombatService", live=9)])
    expect(page.locator("[data-badge-word]")).to_contain_text("waiting")
    assert bound(page, "totals.live") == "5"
    page.keyboard.press("p")
    expect(page.locator('[data-bind="totals.live"]')).to_have_text("9")


def test_rows_stay_in_their_places_while_figures_change(
    page: Page, game: Game, make_server: Callable[..., Machine]
) -> None:
    server = make_server()
    server.send_first(services=[service("Alpha", live=9), service("Beta", live=5)])
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    server.send(services=[service("Beta", live=900)])
    expect(page.locator("tbody tr").nth(1)).to_contain_text("900")
    page.locator('[data-sort="live"]').click()
    expect(page.locator("tbody tr").nth(0)).to_contain_text("Beta")
    assert "sort=-live" in page.url


def test_the_registry_is_searched_in_place_and_the_address_keeps_the_question(
    page: Page, game: Game, make_server: Callable[..., Machine], complaints: list[str]
) -> None:
    server = make_server()
    server.send_first(
        services=[service()], opened=[opened(1, owner="player:1"), opened(2, owner="player:22", name="Needle")]
    )
    page.goto(f"/g/{game.slug}/servers/{server.id}/")
    page.keyboard.press("/")
    page.keyboard.type("needle")
    rows = page.locator("[data-swap-target] tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("player:22")
    assert page.url.endswith("?q=needle")
    page.go_back()
    expect(rows).to_have_count(2)
    assert complaints == []


def test_setup_shows_the_first_report_and_a_refusal_as_they_come(
    page: Page, game: Game, make_server: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard import feed

    # Refusals change no server, so nobody announces them: they come with the page's own rhythm.
    monkeypatch.setattr(feed, "IDLE_INTERVAL", 0.1)
    page.goto(f"/g/{game.slug}/setup/")
    expect(page.get_by_text("waiting for the first report")).to_be_visible()
    server = make_server("lobby-7")
    server.send_first(services=[service()])
    expect(page.get_by_text("received now")).to_be_visible()
    server.site.post(server.report(players=-1), key=server.key)
    expect(page.locator('[data-rows="refused"] tr')).to_contain_text("invalid-report")


def test_the_rollout_follows_the_servers_and_a_newer_revision_is_announced(
    page: Page, game: Game, make_server: Callable[..., Machine], complaints: list[str]
) -> None:
    def save(size: int) -> None:
        settings = {"CONNECTION_POOLS": {"MAX_POOL_SIZE": size}}
        by, now = Actor.of_command("ops"), timezone.now()
        change_configuration(game, settings=settings, services={}, reason="Tuning", by=by, now=now)

    save(60)
    server = make_server()
    server.send_first(services=[service()], config_revision=0)
    page.goto(f"/g/{game.slug}/configuration/")
    expect(page.locator('[data-rows="servers"] tr')).to_contain_text("Behind")
    server.send(services=[service(live=2)], config_revision=1)
    expect(page.locator('[data-rows="servers"] tr')).to_contain_text("Current")
    expect(page.locator("[data-newer]")).to_be_hidden()
    save(70)
    server.send(services=[service(live=3)], config_revision=1)
    expect(page.locator("[data-newer]")).to_be_visible()
    assert complaints == []


def test_the_audit_trail_is_filtered_in_place_and_the_address_keeps_it(
    page: Page, game: Game, complaints: list[str]
) -> None:
    page.goto(f"/g/{game.slug}/audit/")
    rows = page.locator("[data-swap-target] tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_label("Kind").select_option("member.")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("member.added")
    page.locator('[name="from"]').fill("2030-01-01")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    assert page.url.endswith("?kind=member.&from=2030-01-01")
    assert complaints == []


def test_no_page_makes_the_browser_complain(page: Page, game: Game, complaints: list[str]) -> None:
    filled = fill(game)
    for address in [*filled.addresses(), "/?all", "/games/new/"]:
        if address.endswith(("json", "registry", "table")):
            continue
        page.goto(address)
        if page.locator("[data-badge]").count():
            expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
    assert complaints == []


def test_the_theme_is_chosen_and_kept(page: Page, game: Game) -> None:
    page.goto(f"/g/{game.slug}/")
    button = page.locator("[data-theme-button]")
    button.click()
    button.click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(button).to_contain_text("dark")
