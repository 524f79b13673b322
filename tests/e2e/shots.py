"""`python -m tests.e2e.shots`: the pages of the Demo game as pictures in docs/images, for the docs."""

import re
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page

from tests.e2e import house, visitor
from tests.e2e.visitor import Visitor

IMAGES: Final = house.ROOT / "docs" / "images"
WIDE: Final = (1440, 1000)
NARROW: Final = (360, 780)
LEAK_MS: Final = 240_000  # until enough players have left CombatService behind
SETTLED_MS: Final = 1_500  # charts have drawn and the first live messages have come


def shoot(page: Page, url: str, name: str, theme: Literal["dark", "light"], size: tuple[int, int] = WIDE) -> None:
    """One page as docs/images/<name>-<theme>.png."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    page.goto(url)
    page.wait_for_timeout(SETTLED_MS)
    target = IMAGES / f"{name}-{theme}.png"
    page.screenshot(path=target)
    print(target.relative_to(house.ROOT))


def wait_for_the_leak(page: Page, url: str) -> None:
    """Until the overview says that connections are orphaned, and its chart has some history."""
    page.goto(url)
    page.get_by_text(re.compile(r"\d\d+ connections are orphaned")).wait_for(timeout=LEAK_MS)
    page.wait_for_timeout(60_000)


def first_link(page: Page, url: str, rows: str) -> str:
    """The address that a table's first row leads to."""
    page.goto(url)
    return str(page.locator(f"{rows} tr a").first.evaluate("link => link.href"))


def main() -> None:
    """All pictures, from a new folder with the Demo game."""
    Path(IMAGES).mkdir(parents=True, exist_ok=True)
    with house.running() as running, visitor.browser() as browser:
        person = Visitor(browser.new_context())
        person.sign_up(running.sign_up)
        game = f"{running.url}/g/demo/"
        wait_for_the_leak(person.page, game)
        service = first_link(person.page, game, "[data-rows=services]")
        server = first_link(person.page, f"{game}servers/", "table")
        shoot(person.page, game, "overview", "dark")
        shoot(person.page, game, "overview", "light")
        shoot(person.page, service, "service", "light")
        shoot(person.page, f"{service}?state=orphaned", "service-orphaned", "dark")
        shoot(person.page, f"{game}servers/", "servers", "light")
        shoot(person.page, server, "server", "dark")
        shoot(person.page, f"{game}setup/", "setup", "light")
        shoot(person.page, game, "overview-narrow", "light", NARROW)
        if person.complaints:
            raise SystemExit("the pages complained:\n" + "\n".join(person.complaints))


if __name__ == "__main__":
    main()
