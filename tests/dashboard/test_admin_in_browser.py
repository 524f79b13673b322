"""The installation's page in Chromium, under the site's own strict policy."""

import time

import pytest
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page, expect

from connmon.accounts.models import Game, User
from tests.dashboard.browsing import BROWSER
from tests.dashboard.pages import fill

pytestmark = BROWSER


@pytest.fixture
def operator(page: Page, owner: User) -> Page:
    """A superuser's browser, who gave the password a moment ago."""
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    key = next(one["value"] for one in page.context.cookies() if one.get("name") == "sessionid")
    session = SessionStore(key)
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(owner.pk)
    session.save()
    return page


def test_no_page_of_it_makes_the_browser_complain(operator: Page, game: Game, complaints: list[str]) -> None:
    fill(game)
    operator.goto("/admin/")
    expect(operator.get_by_role("heading", name="What this installation holds")).to_be_visible()
    for model in ("user", "game", "apikey", "invitation", "auditentry"):
        operator.goto(f"/admin/accounts/{model}/")
        row = operator.locator("#result_list tbody th a").first
        if row.count():
            row.click()
            expect(operator.locator("#content")).to_be_visible()
    assert complaints == []


def test_a_chosen_account_is_locked_out(operator: Page, game: Game, stranger: User, complaints: list[str]) -> None:
    operator.goto("/admin/accounts/user/")
    operator.get_by_role("row", name=stranger.email).get_by_role("checkbox").check()
    operator.locator("select[name=action]").select_option("lock")
    operator.get_by_role("button", name="Go").click()
    expect(operator.get_by_text("Locked out: 1.")).to_be_visible()
    assert complaints == []
