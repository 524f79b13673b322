"""A source from upload to patch: a change accepted, one rejected, one edited, by keys; git applies what comes of it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from migrator.model import Source
from migrator.validate import Limits
from migrator.validate.compiling import compile_problem
from tests.e2e import house
from tests.e2e.visitor import Visitor
from tests.source.uploads import PETS

GAME, SLUG = "Pet Park", "pet-park"
FILE = "Pets.luau"


@pytest.fixture(scope="module")
def page(running: house.House, person: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of an uploaded file with three changes."""
    person.create_game(running.url, GAME)
    source = tmp_path_factory.mktemp("source") / FILE
    source.write_text(PETS)
    page = person.page
    page.goto(f"{running.url}/g/{SLUG}/migration/")
    page.get_by_label("Place version").fill("7")
    page.get_by_label("Zip archive, or one .luau file").set_input_files(source)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Version 7: it waits to be analysed.")).to_be_visible()
    page.get_by_role("region", name="Rewrites").get_by_role("link", name=FILE).click()  # once it is analysed
    yield page
    (refused,) = person.take_complaints()  # an edit that does not compile
    assert "status of 422" in refused


def change(page: Page, number: int) -> Locator:
    return page.locator(f"#change-{number}")


def test_changes_are_decided_by_keys_and_the_patch_is_what_was_decided(page: Page, tmp_path: Path) -> None:
    expect(page.get_by_role("status")).to_contain_text("3 not decided")
    page.wait_for_load_state()  # until then no script listens to keys
    page.keyboard.press("j")
    expect(change(page, 1)).to_be_focused()
    page.keyboard.press("y")
    expect(change(page, 2)).to_be_focused()  # the next that is open
    page.keyboard.press("n")
    expect(change(page, 3)).to_be_focused()
    edit_the_third(page)
    expect(page.get_by_role("status")).to_contain_text("2 accepted, 1 rejected, 0 not decided")
    page.reload()
    expect(change(page, 1)).to_contain_text("Accepted by dev@example.com")
    expect(change(page, 2)).to_contain_text("Rejected by dev@example.com")
    expect(change(page, 3)).to_contain_text("Accepted as edited by dev@example.com")
    with page.expect_download() as download:
        page.get_by_role("link", name="Patch of what is accepted (2)").click()
    after = applied(tmp_path, Path(download.value.path()).read_bytes())
    assert after.count(b"ConnectionUtils:Connect(") == 2
    assert b"\t\tRunService.Stepped:Connect(function()\n" in after
    assert b"-- by hand\n" in after
    assert compile_problem(Source(FILE, after), Limits()) == ""


def edit_the_third(page: Page) -> None:
    """First in a way that does not compile; what was written is there to be mended."""
    page.keyboard.press("e")
    field = change(page, 3).locator("textarea").first
    expect(field).to_be_focused()
    text = field.input_value()
    field.fill(f"{text} local function (")
    change(page, 3).get_by_role("button", name="Accept as edited").click()
    expect(change(page, 3).get_by_role("alert")).to_contain_text("With this the file does not compile. Line ")
    field = change(page, 3).locator("textarea").first
    assert field.input_value() == f"{text} local function ("
    field.fill(f"{text} -- by hand")
    change(page, 3).get_by_role("button", name="Accept as edited").click()
    expect(change(page, 3)).to_contain_text("Accepted as edited")


def applied(folder: Path, patch: bytes) -> bytes:
    """The file as git makes it of the original."""
    (folder / FILE).write_text(PETS)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(folder.parent)}
    for options in (["--check"], []):
        subprocess.run(["git", "apply", *options], cwd=folder, input=patch, env=environment, check=True)
    return (folder / FILE).read_bytes()
