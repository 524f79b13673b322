"""A house with the Demo game and a filled one; in the latter an admin and a viewer, and a stranger outside."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.accounts import issuer as stand_in
from tests.e2e import house
from tests.e2e.conftest import new_context
from tests.e2e.tour.addresses import Ids
from tests.e2e.tour.look import look
from tests.e2e.visitor import Visitor

SEED = "from tests.e2e.tour.seed import print_filled; print_filled()"
VIEWER, STRANGER = "viewer@example.com", "stranger@example.com"


@pytest.fixture(scope="package", autouse=True)
def axe_is_there() -> None:
    subprocess.run(["sh", "scripts/node", "--version"], cwd=house.ROOT, check=True, capture_output=True)


@pytest.fixture(scope="package")
def running() -> Iterator[house.House]:
    """With the Demo game, which fills while the tour goes on."""
    with stand_in.running() as issuer, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONNMON_OIDC_ISSUER", issuer.url)
        patch.setenv("CONNMON_OIDC_CLIENT_ID", stand_in.CLIENT_ID)
        patch.setenv("CONNMON_OIDC_CLIENT_SECRET", stand_in.CLIENT_SECRET)
        patch.setenv("CONNMON_OIDC_NAME", "Example Works")
        with house.running() as found:
            yield found


@pytest.fixture(scope="package")
def admin(running: house.House, browser: Browser) -> Visitor:
    found = Visitor(new_context(browser))
    found.page.goto(running.sign_up)
    assert look(found) == []
    found.sign_up(running.sign_up)
    found.page.wait_for_url("**/g/demo/")
    return found


@pytest.fixture(scope="package")
def ids(running: house.House, admin: Visitor) -> Ids:
    """Of the filled game."""
    found: Ids = json.loads(running.run("shell", "--no-imports", "-c", SEED).splitlines()[-1])
    return found


@pytest.fixture(scope="package")
def viewer(running: house.House, admin: Visitor, ids: Ids, browser: Browser) -> Visitor:
    found = Visitor(new_context(browser))
    found.join(admin.invite(running.url, str(ids["slug"]), "viewer"), VIEWER)
    return found


@pytest.fixture(scope="package")
def stranger(running: house.House, admin: Visitor, browser: Browser) -> Visitor:
    """Has an account, and is in no game."""
    found = Visitor(new_context(browser))
    found.join(admin.invite(running.url, "demo", "viewer"), STRANGER)
    leave(running, "demo", STRANGER)
    return found


@pytest.fixture(scope="package")
def passer_by(browser: Browser) -> Visitor:
    """Has no account."""
    return Visitor(new_context(browser))


def leave(running: house.House, slug: str, email: str) -> None:
    """An account without the game that it came by."""
    code = (
        "from connmon.accounts.models import Membership; "
        f"Membership.objects.filter(game__slug={slug!r}, user__email={email!r}).delete()"
    )
    running.run("shell", "--no-imports", "-c", code)
