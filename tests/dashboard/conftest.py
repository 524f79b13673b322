"""Browsers' sides of the site: logged-in clients, and pages in Chromium."""

import os
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

if TYPE_CHECKING:  # models can be imported only once Django is set up
    from playwright.sync_api import Browser, Page

    from connmon.accounts.models import User
    from tests.machine import Site


@pytest.fixture
def log_in() -> "Callable[[User], Client]":
    """A client with the user's session."""

    from connmon.accounts import sessions

    def make(user: "User") -> Client:
        client = Client()
        client.force_login(user)
        # Used a moment ago: the first page costs what the next one does.
        assert sessions.is_due(str(client.session.session_key))
        return client

    return make


@pytest.fixture
def as_owner(log_in: "Callable[[User], Client]", owner: "User") -> Client:
    """The game's admin at the browser."""
    return log_in(owner)


@pytest.fixture
def fresh_limits(settings: Settings) -> None:
    """Attempts are counted from nought, and hashing a password takes no time."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": token_hex(8)}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    from playwright.sync_api import expect, sync_playwright

    from tests.dashboard.browsing import CHROMIUM
    from tests.machine import PATIENCE

    # The driver runs a loop in this thread, in which Django would refuse its synchronous calls.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        expect.set_options(timeout=PATIENCE * 1000)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser wrote to its console, and errors of scripts."""
    return []


@pytest.fixture
def page(
    transactional_db: None, chromium: "Browser", site: "Site", owner: "User", complaints: list[str]
) -> "Iterator[Page]":
    """A logged-in page."""
    from tests.machine import PATIENCE

    client = Client()
    client.force_login(owner)
    base = f"http://127.0.0.1:{site.port}"
    context = chromium.new_context(base_url=base, viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE * 1000)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
