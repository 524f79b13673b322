"""Each page as an admin and as a viewer see it: both themes, narrow and wide, no violation, no complaint."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.e2e.house import House
from tests.e2e.tour.addresses import GAME_PAGES, MEMBER_PAGES, NOT_FOR_VIEWERS, Ids, address_of
from tests.e2e.tour.look import look, look_inside, visit
from tests.e2e.visitor import Visitor

SHOWN_ALIVE = ("overview", "service", "server", "servers", "pools", "profiles", "leaks", "setup", "configuration")


@pytest.mark.parametrize("name", GAME_PAGES)
def test_an_admin_finds_nothing_wrong_with(name: str, running: House, admin: Visitor, ids: Ids) -> None:
    visit(admin, running.url + address_of(name, ids))
    faults = look(admin) + look_inside(admin)
    assert faults == []


@pytest.mark.parametrize("name", GAME_PAGES)
def test_a_viewer_finds_nothing_wrong_with(name: str, running: House, viewer: Visitor, ids: Ids) -> None:
    status = 403 if name in NOT_FOR_VIEWERS else 200
    visit(viewer, running.url + address_of(name, ids), status)
    faults = look(viewer, status=status) + look_inside(viewer)
    assert faults == []


@pytest.mark.parametrize("name", SHOWN_ALIVE)
def test_the_demo_game_is_in_order_while_it_reports(name: str, running: House, admin: Visitor, ids: Ids) -> None:
    page = admin.page
    page.goto(f"{running.url}/g/demo/")
    page.locator("[data-rows=services] tr a").first.wait_for()
    service = page.locator("[data-rows=services] tr a").first.evaluate("link => link.pathname.split('/').at(-2)")
    page.goto(f"{running.url}/g/demo/servers/")
    server = page.locator("main tbody tr a").first.evaluate("link => link.pathname.split('/').at(-2)")
    visit(admin, running.url + address_of(name, {"slug": "demo", "service": int(service), "server": int(server)}))
    assert look(admin) == []


@pytest.mark.parametrize("name", sorted(MEMBER_PAGES))
def test_a_member_finds_nothing_wrong_with(name: str, running: House, admin: Visitor) -> None:
    visit(admin, running.url + reverse(name) + ("?all" if name == "home" else ""))
    assert look(admin) == []


def test_help_and_search_are_in_order_when_open(running: House, admin: Visitor, ids: Ids) -> None:
    page = admin.page
    visit(admin, f"{running.url}/g/demo/")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    faults = look(admin)
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("Combat")
    page.locator("#search-found a").first.wait_for()
    faults += look(admin)
    page.keyboard.press("Escape")
    assert faults == []


def test_a_game_without_anything_is_in_order(running: House, admin: Visitor) -> None:
    admin.create_game(running.url, "Quiet Place")
    faults = []
    for name, arguments in GAME_PAGES.items():
        if not arguments:
            visit(admin, running.url + address_of(name, {"slug": "quiet-place"}))
            faults += [f"{name}: {fault}" for fault in look(admin)]
    assert faults == []


@pytest.mark.parametrize("name", ["new-plan", "new-alert-rule", "emergency"])
def test_a_refused_form_says_so_in_order(name: str, running: House, admin: Visitor) -> None:
    visit(admin, running.url + address_of(name, {"slug": "demo"}))
    form = admin.page.locator("main form").last
    form.evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
    admin.page.locator(".errorlist, [role=alert]").first.wait_for()
    assert look(admin, status=422) == []
