"""Charts in Chromium: the time in the address, zoom, legend, table, picture, and what stops the page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from connmon.accounts.models import Game
from connmon.telemetry.models import PlaceVersion
from tests.dashboard.alarms import put_alert, put_rule
from tests.dashboard.browsing import BROWSER
from tests.dashboard.factories import Counters, put_samples, put_server, put_service
from tests.machine import Machine, service

pytestmark = BROWSER


@pytest.fixture
def history(game: Game) -> Game:
    """A game with an hour of history, a deploy and an alert."""
    now = timezone.now()
    now -= timedelta(seconds=now.timestamp() % 10)
    put_server(game, now=now)
    services = {put_service(game, name): [Counters(live=live)] * 350 for name, live in (("Combat", 40), ("Pets", 9))}
    put_samples(game, services, now=now)
    PlaceVersion.objects.create(game_id=game.pk, place_id=1, version=143, first_at=now - timedelta(minutes=20))
    put_alert(put_rule(game, "Too many orphans"), fired_at=now - timedelta(minutes=10))
    return game


def shown(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def draw(page: Page, game: Game, query: str = "") -> None:
    page.goto(f"/g/{game.slug}/{query}")
    expect(page.locator("[data-plot]")).to_be_visible()


def test_a_chart_says_how_fine_it_is_and_lists_what_happened(page: Page, history: Game, complaints: list[str]) -> None:
    draw(page, history)
    expect(page.locator("[data-chart-meta]")).to_have_text("a point every 10 s")
    expect(page.locator("[data-chart-events]")).to_contain_text("Deploy: version 143")
    expect(page.locator("[data-chart-events] a")).to_contain_text("Alert (warning): Too many orphans")
    assert complaints == []


def test_a_range_is_chosen_by_keyboard_alone_and_kept_in_the_address(
    page: Page, history: Game, complaints: list[str]
) -> None:
    draw(page, history)
    page.keyboard.press("t")
    expect(page.get_by_role("link", name="Last 1 h", exact=True)).to_be_focused()
    page.get_by_role("link", name="Last 6 h").press("Enter")
    expect(page.locator("[data-chart-meta]")).to_contain_text("a point every 1 min")
    assert shown(page) == {"from": ["now-6h"], "to": ["now"]}
    page.go_back()
    expect(page.locator("[data-chart-meta]")).to_have_text("a point every 10 s")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    assert complaints == []


def test_a_drag_zooms_and_stops_the_page_until_it_goes_on(page: Page, history: Game, complaints: list[str]) -> None:
    draw(page, history)
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    box = page.locator("[data-canvas]").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=4)
    page.mouse.up()
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "paused")
    asked = shown(page)
    since, until = (datetime.fromisoformat(asked[name][0].replace("Z", "+00:00")) for name in ("from", "to"))
    assert timedelta(minutes=15) < until - since < timedelta(minutes=35)
    page.keyboard.press("p")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    assert shown(page) == {"from": ["now-1h"], "to": ["now"]}
    assert complaints == []


def test_a_fixed_time_in_the_address_opens_paused(page: Page, history: Game) -> None:
    now = datetime.now(UTC)
    since, until = (f"{now - timedelta(minutes=ago):%Y-%m-%dT%H:%M:00Z}" for ago in (40, 20))
    draw(page, history, f"?from={since}&to={until}")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "paused")


def test_buttons_zoom_and_move(page: Page, history: Game) -> None:
    draw(page, history)
    page.get_by_role("button", name="Zoom in").click()
    assert shown(page) == {"from": ["now-30m"], "to": ["now"]}
    page.get_by_role("button", name="Zoom out").click()
    assert shown(page) == {"from": ["now-60m"], "to": ["now"]}
    page.get_by_role("button", name="Earlier").click()
    assert shown(page)["to"] != ["now"]


def test_a_time_without_history_says_so(page: Page, history: Game) -> None:
    page.goto(f"/g/{history.slug}/?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z")
    expect(page.get_by_text("Nothing was sampled in this time.")).to_be_visible()


def test_a_line_is_seen_alone_and_the_table_has_its_numbers(page: Page, history: Game) -> None:
    draw(page, history)
    page.get_by_role("button", name="Pets").click()
    expect(page.get_by_role("button", name="Pets")).to_have_attribute("aria-pressed", "true")
    hidden = page.evaluate("Chart.getChart(document.querySelector('[data-canvas]')).data.datasets.map(d => d.hidden)")
    assert hidden == [True, False]
    page.get_by_role("button", name="Table").click()
    expect(page.locator("[data-numbers] tr").nth(5)).to_contain_text("40")
    expect(page.locator("[data-numbers] thead")).to_contain_text("Pets")


def test_another_chart_is_kept_in_the_address(page: Page, history: Game, complaints: list[str]) -> None:
    draw(page, history)
    page.get_by_label("What is drawn").select_option("memory")
    expect(page.locator(".legend-value")).to_have_count(1)
    expect(page.locator(".legend-value")).to_contain_text("MB")
    assert shown(page) == {"chart": ["memory"]}
    page.reload()
    expect(page.locator(".legend-value")).to_contain_text("MB")
    assert complaints == []


def test_a_chart_is_downloaded_as_a_picture(page: Page, history: Game, complaints: list[str]) -> None:
    draw(page, history)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as PNG").click()
    path = download.value.path()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert download.value.suggested_filename.endswith("live-by-service.png")
    assert complaints == []


def test_a_search_in_the_registry_keeps_the_time(page: Page, history: Game) -> None:
    service = put_service(history, "Combat")
    page.goto(f"/g/{history.slug}/services/{service.pk}/?from=now-6h&to=now")
    page.keyboard.press("f")
    page.keyboard.type("needle")
    expect(page.get_by_text("No connection matches.")).to_be_visible()
    assert shown(page) == {"from": ["now-6h"], "to": ["now"], "q": ["needle"]}


def test_a_chart_that_is_not_in_sight_is_not_fetched_until_it_is(
    page: Page, history: Game, complaints: list[str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 360, "height": 200})
    page.goto(f"/g/{history.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    assert not [url for url in asked if "chart.json" in url or "chart.umd" in url]
    page.locator("[data-chart]").scroll_into_view_if_needed()
    expect(page.locator("[data-plot]")).to_be_visible()
    assert [url for url in asked if "chart.umd" in url]
    assert complaints == []


def test_a_live_line_ends_where_the_figures_are_however_quickly_they_change(
    page: Page, history: Game, make_server: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.feed.IDLE_INTERVAL", 600.0)  # no message but those of reports
    server = make_server("server-2")
    server.send_first(services=[service("Pets", live=5)])
    draw(page, history)
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    for live in (50, 60, 70):
        server.send(services=[service("Pets", live=live)])
        expect(page.locator("[data-rows=services] tr", has_text="Pets").first).to_contain_text(f"{live}")
    line = page.locator("[data-legend] button", has_text="Pets").first
    expect(line.locator(".legend-value")).to_have_text("70")
