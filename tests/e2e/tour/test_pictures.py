"""The pages of the Demo game as pictures in docs/images, for the docs; by now the game has some history."""

import re
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page

from tests.e2e import house
from tests.e2e.tour.look import NEXT_FRAME, visit
from tests.e2e.visitor import Visitor

IMAGES: Final = house.ROOT / "docs" / "images"
WIDE: Final = (1440, 1000)
LEAK_MS: Final = 240_000  # until enough players have left CombatService behind
SETTLED_MS: Final = 1_500  # charts have drawn and the first live messages have come

# Name of the picture -> address below the game's, theme, size. A word in braces is the first of its kind.
PICTURES: Final = {
    "overview-dark": ("", "dark", WIDE),
    "overview-light": ("", "light", WIDE),
    "service-light": ("{service}", "light", WIDE),
    "server-dark": ("{server}", "dark", WIDE),
    "pools-light": ("pools/", "light", WIDE),
    "profiles-dark": ("profiles/", "dark", WIDE),
    "leaks-light": ("leaks/", "light", WIDE),
    "plan-light": ("{plan}", "light", WIDE),
    "alerts-dark": ("alerts/", "dark", WIDE),
    "configuration-light": ("configuration/", "light", WIDE),
    "setup-light": ("setup/", "light", WIDE),
}


@pytest.fixture(scope="module")
def places(running: house.House, admin: Visitor) -> dict[str, str]:
    """Paths below the game's of a service with a leak, of a server, and of a plan that was counted."""
    page, game = admin.page, f"{running.url}/g/demo/"
    page.goto(game)
    page.get_by_text(re.compile(r"\d\d+ connections are orphaned")).wait_for(timeout=LEAK_MS)
    found = {"service": first_link(page, "[data-rows=services] tr a", game)}
    page.goto(f"{game}servers/")
    found["server"] = first_link(page, "main tbody tr a", game)
    page.goto(f"{game}cleanup/new/?state=orphaned")
    page.get_by_label("Reason").fill("Memory climbs all evening")
    page.get_by_role("button", name="Count what it would close").click()
    page.locator("#question").wait_for()
    found["plan"] = page.url.removeprefix(game)
    return found


def first_link(page: Page, rows: str, game: str) -> str:
    return str(page.locator(rows).first.evaluate("link => link.href")).removeprefix(game)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_taken(name: str, running: house.House, admin: Visitor, places: dict[str, str]) -> None:
    path, theme, (width, height) = PICTURES[name]
    page = admin.page
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visit(admin, f"{running.url}/g/demo/{path.format(**places)}")
    page.wait_for_timeout(SETTLED_MS)
    page.evaluate(NEXT_FRAME)
    Path(IMAGES).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / f"{name}.png")
    assert admin.take_complaints() == []
