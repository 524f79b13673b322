"""A person at a browser: real Chromium, nothing from outside, every complaint of the page kept."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
EMAIL: Final = "dev@example.com"
PASSWORD: Final = "a-long-enough-passphrase"


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that CONNMON_CHROMIUM names."""
    path = os.environ.get("CONNMON_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


class Visitor:
    """One person with a browser window of their own."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def sign_up(self, link: str) -> None:
        """Becomes the first member."""
        self.page.goto(link)
        self.page.fill("input[name=email]", EMAIL)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.fill("input[name=repeated]", PASSWORD)
        self.page.get_by_role("button", name="Create account").click()

    def create_game(self, url: str, name: str) -> None:
        """A game of their own; ends on the page that follows."""
        self.page.goto(f"{url}/games/new/")
        self.page.fill("input[name=name]", name)
        self.page.get_by_role("button", name="Create game").click()

    def create_key(self, url: str, slug: str) -> str:
        """A report key, as it is shown once."""
        self.page.goto(f"{url}/g/{slug}/setup/")
        self.page.fill("input[name=name]", "Live servers")
        self.page.get_by_role("button", name="Create key").click()
        return self.page.locator("#new-key").inner_text()
