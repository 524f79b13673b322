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

    def take_complaints(self) -> list[str]:
        """What the pages complained of since the last time."""
        taken, self.complaints[:] = [*self.complaints], []
        return taken

    def sign_up(self, link: str) -> None:
        """Becomes the first member."""
        self._make_account(link, EMAIL, "Create account")

    def join(self, link: str, email: str) -> None:
        """Follows an invitation with a new account."""
        self._make_account(link, email, "Make an account and join")

    def _make_account(self, link: str, email: str, button: str) -> None:
        self.page.goto(link)
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.fill("input[name=repeated]", PASSWORD)
        self.page.get_by_role("button", name=button).click()
        self.page.wait_for_url(lambda address: address != link)

    def confirm_before(self, wanted: str) -> None:
        """Gives the password if it is asked for; then `wanted` (a selector) is on the page."""
        self.page.locator(f"{wanted}, input[name=password]").first.wait_for()
        if "reauthenticate" in self.page.url:
            self.page.fill("input[name=password]", PASSWORD)
            self.page.get_by_role("button", name="Go on").click()
            self.page.locator(wanted).first.wait_for()

    def create_game(self, url: str, name: str) -> None:
        """A game of their own; ends on the page that follows."""
        self.page.goto(f"{url}/games/new/")
        self.page.fill("input[name=name]", name)
        self.page.get_by_role("button", name="Create game").click()
        self.page.wait_for_url("**/g/**")

    def create_key(self, url: str, slug: str) -> str:
        """A report key, as it is shown once."""
        self.page.goto(f"{url}/g/{slug}/setup/")
        self.page.fill("input[name=name]", "Live servers")
        self.page.get_by_role("button", name="Create key").click()
        self.confirm_before("#new-key")
        return self.page.locator("#new-key").inner_text()

    def invite(self, url: str, slug: str, role: str) -> str:
        """The link of a new invitation, as it is shown once."""
        self.page.goto(f"{url}/g/{slug}/members/")
        self.page.select_option("select[name=role] >> nth=-1", role)
        self.page.get_by_role("button", name="Invite").click()
        self.confirm_before("#new-link")
        return self.page.locator("#new-link").inner_text()
