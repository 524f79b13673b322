"""A look at a page in both themes and at two widths: axe, sideways scroll, what the browser complained of."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.e2e import house
from tests.e2e.visitor import Visitor

AXE: Final = house.ROOT / "node_modules" / "axe-core" / "axe.min.js"
THEMES: Final = ("light", "dark")
WIDTHS: Final = (360, 1440)  # CSS pixels
HEIGHT: Final = 900
LIVE_MS: Final = 30_000
SHOWN: Final = 3  # places named of each violation
NEXT_FRAME: Final = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Rules of every kind that axe has on by default, best practices too.
RUN_AXE: Final = """async () => {
    const {violations} = await axe.run(document, {resultTypes: ['violations']});
    return violations.map(({id, help, nodes}) => [id, help, nodes.map(
        ({target, failureSummary}) => `${target.join(' ')}: ${failureSummary.replace(/\\s+/g, ' ')}`)]);
}"""


def visit(visitor: Visitor, address: str, status: int = 200) -> None:
    """Goes there, and waits until what is live is."""
    visitor.take_complaints()
    answer = visitor.page.goto(address)
    assert answer is not None
    assert answer.status == status, address
    badge = visitor.page.locator("[data-badge]")
    if badge.count():
        expect(badge).to_have_attribute("data-life", "live", timeout=LIVE_MS)
    visitor.page.wait_for_load_state("networkidle")


def look(visitor: Visitor, *, status: int = 200) -> list[str]:
    """What is wrong with the page that `visitor` is on; afterwards it is light and wide again.

    `status` is the page's own; Chromium complains of any from 400 on.
    """
    page, found = visitor.page, []
    page.evaluate(read_axe())
    for theme in THEMES:
        for width in WIDTHS:
            dress(page, theme, width)
            found += [f"{theme}, {width} px: {fault}" for fault in [*sideways(page, width), *run_axe(page)]]
    dress(page, THEMES[0], WIDTHS[-1])
    return found + [text for text in visitor.take_complaints() if f"with a status of {status} " not in text]


def look_inside(visitor: Visitor) -> list[str]:
    """The same with all menus and questions of the page open, in one theme and width."""
    visitor.page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    visitor.page.evaluate(NEXT_FRAME)
    return [f"all open: {fault}" for fault in run_axe(visitor.page)] + visitor.take_complaints()


def dress(page: Page, theme: Any, width: int) -> None:
    """The system's theme and the window's width, drawn."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.evaluate(NEXT_FRAME)


def sideways(page: Page, width: int) -> list[str]:
    """A fault, if the page is wider than the window."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"{wide} px wide"] if wide > width else []


def run_axe(page: Page) -> list[str]:
    """Each violation with the first places where it is; the page has been given axe."""
    return [
        f"{rule} ({rule_help}) at {len(places)}: {'; '.join(places[:SHOWN])}"
        for rule, rule_help, places in page.evaluate(RUN_AXE)
    ]


def read_axe() -> str:
    """axe's source, from the pinned package that `scripts/node` installs."""
    path = Path(AXE)
    assert path.exists(), "axe-core is missing: run `make e2e`, or `sh scripts/node --version` once"
    return path.read_text()
