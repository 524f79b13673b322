"""What the overview weighs: bytes over the wire, time to the first paint, memory over minutes of live updates."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from playwright.sync_api import BrowserContext, CDPSession, Page

from bench.pages.pixel import open_overview
from bench.pages.stage import Stage

REPEATS: Final = 5
SETTLED_MS: Final = 2_000  # charts and sparks have come
WARM_UP_MS: Final = 30_000  # before memory is first looked at: code compiled, caches filled
PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure_loads(stage: Stage) -> dict[str, Any]:
    """First paint and kilobytes (1,000 bytes, headers too) of the overview, with an empty cache and with a full one."""
    rounds = [_load_twice(stage.other_context(), stage) for _ in range(REPEATS)]
    cold, warm = ([each[place] for each in rounds] for place in (0, 1))
    return {
        "first_paint_ms": round(median(paint for paint, _, _ in cold)),
        "first_paint_warm_ms": round(median(paint for paint, _, _ in warm)),
        "transfer_kb": {
            "cold": round(median(size for _, size, _ in cold) / 1e3, 1),
            "warm": round(median(size for _, size, _ in warm) / 1e3, 1),
        },
        "transfer_kb_by_file": {name: round(size / 1e3, 1) for name, size in cold[-1][2].items() if size > 2_000},
    }


Load = tuple[float, int, dict[str, int]]  # first paint in ms, bytes, bytes by file


def _load_twice(context: BrowserContext, stage: Stage) -> tuple[Load, Load]:
    page = context.new_page()
    loads = _load(page, stage), _load(page, stage)
    context.close()
    return loads


def _load(page: Page, stage: Stage) -> Load:
    session = page.context.new_cdp_session(page)
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.requestWillBeSent", lambda told: names.update({told["requestId"]: told["request"]["url"]}))
    session.on("Network.loadingFinished", lambda told: _add(sizes, names, told))
    session.send("Network.enable")
    page.goto(stage.url + stage.path())
    page.wait_for_timeout(SETTLED_MS)
    paint = page.evaluate(PAINT)
    session.detach()
    return paint, sum(sizes.values()), dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _add(sizes: dict[str, int], names: dict[str, str], told: dict[str, Any]) -> None:
    name = names.get(told["requestId"], "").partition("?")[0].rpartition("/")[2] or "(page)"
    sizes[name] = sizes.get(name, 0) + int(told["encodedDataLength"])


def measure_heap(stage: Stage, *, minutes: float) -> dict[str, Any]:
    """By how much the JavaScript heap of an open overview has grown, both times after a collection."""
    page = stage.context.new_page()
    open_overview(stage, page)
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    page.wait_for_timeout(WARM_UP_MS)
    before = _heap(session)
    page.wait_for_timeout(minutes * 60_000)
    after = _heap(session)
    life = page.locator("[data-badge]").get_attribute("data-life")
    page.close()
    assert life == "live", f"the overview was {life} at the end"
    return {
        "heap_growth_pct": round(100 * (after - before) / before, 1),
        "heap_before_mb": round(before / 1e6, 2),
        "heap_after_mb": round(after / 1e6, 2),
        "heap_minutes": minutes,
    }


def _heap(session: CDPSession) -> int:
    for _ in range(2):  # what the first one frees may hold more
        session.send("HeapProfiler.collectGarbage")
    return int(session.send("Runtime.getHeapUsage")["usedSize"])
