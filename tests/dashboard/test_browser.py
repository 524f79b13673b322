"""The pages in Chromium: live figures, pause, search, keys, and no complaint of the browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game
from connmon.alerts.models import Alert
from connmon.cleanup import actions
from connmon.configuration.actions import change_configuration
from tests.cleanup import steering
from tests.dashboard.alarms import put_alert, put_rule
from tests.dashboard.browsing import BROWSER
from tests.dashboard.pages import fill
from tests.dashboard.plans import address_of, put_busy_server
from tests.machine import Machine, opened, service

pytestmark = BROWSER


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
    page.keyboard.press("f")
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


def test_an_alarm_comes_is_snoozed_and_goes_without_a_reload(
    page: Page, game: Game, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.feed.IDLE_INTERVAL", 0.1)
    page.goto(f"/g/{game.slug}/alerts/")
    expect(page.get_by_text("Nothing is alarming.")).to_be_visible()
    alert = put_alert(put_rule(game, "Leak", severity="critical"))
    row = page.locator('[data-rows="alerts"] tr')
    expect(row).to_contain_text("Critical")
    expect(row.get_by_role("link")).to_have_attribute("href", f"/g/{game.slug}/")
    row.get_by_text("Snooze").click()
    row.get_by_role("button", name="4 h").click()
    expect(row).to_contain_text("Snoozed by owner@example.com")
    Alert.objects.filter(pk=alert.pk).update(state="resolved", resolved_at=timezone.now())
    expect(page.get_by_text("Nothing is alarming.")).to_be_visible()
    expect(row).to_have_count(0)
    assert complaints == []


def test_the_overview_carries_an_alarm_as_it_comes(
    page: Page, game: Game, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.feed.IDLE_INTERVAL", 0.1)
    page.goto(f"/g/{game.slug}/")
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live")
    expect(page.locator(".strip")).to_be_hidden()
    put_alert(put_rule(game, "Leak"), summary="<b>120</b> stale")
    expect(page.locator(".strip")).to_contain_text("<b>120</b> stale")
    assert complaints == []


def test_a_plan_that_somebody_else_executes_counts_down_and_can_be_taken_back(
    page: Page, game: Game, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.feed.IDLE_INTERVAL", 0.1)
    put_busy_server(game)
    made = steering.plan(game)
    page.goto(address_of("plan", made))
    expect(page.locator("#question")).to_have_text("Close 3 connections on 1 server?")
    actions.execute_plan(game, made.pk, by=steering.BY, now=timezone.now(), hold=timedelta(seconds=60))
    expect(page.locator("#hold-title")).to_contain_text(re.compile(r"Runs in (\d+ s|1:00 min)"))
    expect(page.locator("#question")).to_be_hidden()
    page.get_by_role("button", name="Take it back").press("Enter")
    expect(page.locator('[data-bind="plan.state"]')).to_have_text("Taken back")
    assert steering.again(made).state == "undone"
    assert complaints == []


def test_no_page_makes_the_browser_complain(page: Page, game: Game, complaints: list[str]) -> None:
    filled = fill(game)
    for address in [*filled.everything(), "/?all", "/games/new/"]:
        if address.endswith(("json", "registry", "source", "table")):
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
