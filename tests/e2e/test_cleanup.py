"""Cleanup from the browser to the Luau VMs and back: counted, held, carried out, acknowledged live; and taken back."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import house
from tests.e2e.visitor import Visitor
from tests.luau.game_server import GameServerVM, ServerOptions
from tests.luau.http_client import KeepAliveClient

GAME, SLUG, SERVICE = "Boss Rush", "boss-rush", "CombatService"
PATIENCE = 60.0  # seconds; the machine is shared. The hold is 10 of them
QUESTION = re.compile(rf"Close (\d+) connections in {SERVICE} on 2 servers\?")


@pytest.fixture(scope="module")
def fleet(running: house.House, person: Visitor) -> Iterator[list[GameServerVM]]:
    """Two game servers with six players each, reported once."""
    person.create_game(running.url, GAME)
    client = KeepAliveClient(running.url)
    key = person.create_key(running.url, SLUG)
    servers = []
    for seed in (1, 2):
        options = ServerOptions(url=running.url, key=key, epoch=time.time(), seed=seed, job_id=f"server-{seed}")
        servers.append(GameServerVM(options, send=client.send))
        servers[-1].join(6)
    report(servers)
    yield servers
    for server in servers:
        server.stop()
    client.close()


def report(servers: list[GameServerVM]) -> None:
    for server in servers:
        server.step(0.5)
        assert server.report() == 200


def report_until(servers: list[GameServerVM], condition: Callable[[], bool], what: str) -> None:
    """The servers go on as servers do until the page shows it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        report(servers)


def held_by(servers: list[GameServerVM]) -> int:
    """Connections of SERVICE that are open in the VMs' engines."""
    return sum(server.stats().get(SERVICE, 0) for server in servers)


def state_of(page: Page) -> str:
    return page.locator('[data-bind="plan.state"]').inner_text()


def plan_from_the_service(page: Page, url: str) -> int:
    """From the overview to the dry run; how many connections it would close."""
    page.goto(f"{url}/g/{SLUG}/")
    page.get_by_role("link", name=SERVICE).first.click()
    page.get_by_role("link", name="Plan a cleanup", exact=True).click()
    page.get_by_label("Reason").fill("Memory climbs")
    page.get_by_role("button", name="Count what it would close").click()
    found = QUESTION.search(page.locator("#question").inner_text())
    assert found, page.locator("#question").inner_text()
    return int(found[1])


def execute(page: Page) -> None:
    page.get_by_label("The game's name").fill(GAME)
    page.get_by_role("button", name=re.compile("^Close ")).click()
    expect(page.locator("#hold-title")).to_contain_text("Runs in")


def test_an_executed_plan_is_taken_back_and_nothing_is_closed(
    running: house.House, person: Visitor, fleet: list[GameServerVM]
) -> None:
    page, before = person.page, held_by(fleet)
    assert plan_from_the_service(page, running.url) == before > 0

    execute(page)
    page.get_by_role("button", name="Take it back").click()

    expect(page.locator('[data-bind="plan.state"]')).to_have_text("Taken back")
    expect(page.locator("#hold-title")).to_be_hidden()
    report(fleet)
    assert held_by(fleet) == before


def test_a_plan_is_carried_out_and_its_acknowledgements_come_in_live(
    running: house.House, person: Visitor, fleet: list[GameServerVM]
) -> None:
    page, before = person.page, held_by(fleet)
    planned = plan_from_the_service(page, running.url)
    other_tab = page.context.new_page()
    other_tab.goto(page.url)
    expect(other_tab.locator("[data-badge]")).to_have_attribute("data-life", "live")

    execute(page)
    page.evaluate("document.body.dataset.sameDocument = 'yes'")
    expect(other_tab.locator("#hold-title")).to_be_visible()
    expect(other_tab.locator("#question")).to_be_hidden()
    other_tab.close()

    report_until(fleet, lambda: state_of(page) == "Watching", "both acknowledgements")
    expect(page.locator("#progress-title")).to_have_text("Acknowledged by 2 of 2 servers")
    expect(page.locator("[data-rows=servers] tr", has_text="Done")).to_have_count(2)
    closed = int(page.locator('[data-bind="plan.closed"]').inner_text())
    assert closed == planned == before - held_by(fleet) > 0
    assert page.evaluate("document.body.dataset.sameDocument") == "yes"


def test_each_connection_has_its_outcome(person: Visitor, fleet: list[GameServerVM]) -> None:
    page = person.page
    page.locator("[data-rows=servers] a").first.click()
    page.wait_for_url("**/servers/*/")

    marks = page.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert marks
    assert set(marks) == {"Closed"}


def test_no_page_complained(person: Visitor) -> None:
    assert person.complaints == []
