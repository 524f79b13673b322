"""One connmon, one browser and its first member for all files here; each file makes a game of its own."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.accounts import issuer as stand_in
from tests.accounts.issuer import CLIENT_ID, CLIENT_SECRET, Issuer
from tests.e2e import house, visitor
from tests.e2e.visitor import Visitor

BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("NO_BROWSER") == "1", reason="NO_BROWSER=1 leaves the browser out"),
]
PATIENCE_MS = 60_000.0  # the machine is shared


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(house.ROOT / "tests" / "e2e"):
            for mark in BROWSER:
                item.add_marker(mark)


# "package", not "session": while Playwright runs, other tests of this process could start neither it nor a loop.
@pytest.fixture(scope="package")
def issuer() -> Iterator[Issuer]:
    with stand_in.running() as found:
        yield found


@pytest.fixture(scope="package")
def running(issuer: Issuer) -> Iterator[house.House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONNMON_OIDC_ISSUER", issuer.url)
        patch.setenv("CONNMON_OIDC_CLIENT_ID", CLIENT_ID)
        patch.setenv("CONNMON_OIDC_CLIENT_SECRET", CLIENT_SECRET)
        patch.setenv("CONNMON_OIDC_NAME", "Example Works")
        with house.running("--no-demo") as found:
            yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with visitor.browser() as found:
        yield found


def new_context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture(scope="package")
def first_context(running: house.House, browser: Browser) -> BrowserContext:
    """Where the first member is logged in."""
    context = new_context(browser)
    newcomer = Visitor(context)
    newcomer.sign_up(running.sign_up)
    newcomer.page.close()
    return context


@pytest.fixture(scope="module")
def person(first_context: BrowserContext) -> Iterator[Visitor]:
    """The first member in a tab of this file's own."""
    found = Visitor(first_context)
    yield found
    found.page.close()


@pytest.fixture(scope="module")
def new_visitor(browser: Browser) -> Iterator[Callable[[], Visitor]]:
    """Somebody in a browser profile of their own, not logged in."""
    contexts: list[BrowserContext] = []

    def make() -> Visitor:
        contexts.append(new_context(browser))
        return Visitor(contexts[-1])

    yield make
    for context in contexts:
        context.close()
