"""How long a report takes to the screen, while all other servers report too."""

from __future__ import annotations

import random
import time
from statistics import quantiles
from typing import Any, Final

from playwright.sync_api import Page, expect

from bench.pages.stage import MARKED_SERVICE, Stage

SAMPLES: Final = 200
PAUSE_S: Final = (0.1, 0.4)  # between two marked reports, beside the time that one takes: no rhythm of ours
PATIENCE_MS: Final = 10_000

# After the cell has changed: the next frame begins once the one that shows it has been handed over.
WATCH: Final = """service => {
    window.painted = {};
    const rows = [...document.querySelectorAll('[data-rows=services] tr')];
    const row = rows.find(row => row.querySelector('[data-cell=name]').textContent.trim() === service);
    const cell = row.querySelector('[data-cell=live]');
    new MutationObserver(() => {
        const value = Number(cell.textContent.replace(/[^0-9]/g, ''));
        requestAnimationFrame(() => { window.painted[value] ??= performance.timeOrigin + performance.now(); });
    }).observe(cell, {childList: true, characterData: true, subtree: true});
}"""


def open_overview(stage: Stage, page: Page) -> None:
    """The overview, live, with the marked service in its table."""
    page.goto(stage.url + stage.path())
    expect(page.locator("[data-badge]")).to_have_attribute("data-life", "live", timeout=PATIENCE_MS)
    row = page.locator("[data-rows=services] tr", has_text=MARKED_SERVICE)
    row.wait_for(timeout=PATIENCE_MS)


def measure(stage: Stage) -> dict[str, Any]:
    """Milliseconds from the sending of a report to the frame after the one that shows it; and from its answer."""
    page = stage.context.new_page()
    open_overview(stage, page)
    page.evaluate(WATCH, MARKED_SERVICE)
    sent_to_pixel, acknowledged_to_pixel = [], []
    for _ in range(SAMPLES):
        live, sent, acknowledged = stage.mark()
        page.wait_for_function("live => live in window.painted", arg=live, timeout=PATIENCE_MS)
        painted = page.evaluate("live => window.painted[live]", live) / 1e3
        page.evaluate("live => { delete window.painted[live]; }", live)
        sent_to_pixel.append(1e3 * (painted - sent))
        acknowledged_to_pixel.append(1e3 * (painted - acknowledged))
        time.sleep(random.uniform(*PAUSE_S))
    page.close()
    return {**told("push_to_pixel", sent_to_pixel), **told("acknowledged_to_pixel", acknowledged_to_pixel)}


def told(name: str, values: list[float]) -> dict[str, float]:
    """The median and the 99th percentile."""
    cuts = quantiles(values, n=100, method="inclusive")
    return {f"{name}_p50_ms": round(cuts[49], 1), f"{name}_p99_ms": round(cuts[98], 1)}
