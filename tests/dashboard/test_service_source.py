"""What the newest uploaded source says of a service, on its page."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from playwright.sync_api import Page, expect

from connmon.accounts.models import Game, User
from connmon.registry.models import Service
from connmon.source.models import Finding, SourceFile, Upload
from dashboard.queries import service_source
from tests.dashboard.browsing import BROWSER
from tests.dashboard.factories import SCRIPT, put_service
from tests.source.uploads import LEAK_LINE, analysed, put_analysed, put_upload

COMBAT, SHOP = "CombatService", "Shop"
COMBAT_PATH = "src/server/CombatService.luau"


@pytest.fixture
def combat(game: Game) -> Service:
    return put_service(game, COMBAT)


def address(service: Service) -> str:
    return reverse("service-source", kwargs={"slug": service.game.slug, "service_id": service.pk})


def panel(client: Client, service: Service) -> str:
    answer = client.get(address(service))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_its_leaks_are_listed_with_their_lines(game: Game, combat: Service, as_owner: Client) -> None:
    upload = analysed(game)
    html = panel(as_owner, combat)
    assert f"{COMBAT_PATH}:{LEAK_LINE}" in html
    assert "version 143" in html
    found = Finding.objects.filter(upload=upload, service=COMBAT, verdict="leak").count()
    assert f"All {found} leak" in html
    assert "Shop.luau" not in html


def test_it_is_of_the_newest_analysed_source(game: Game, combat: Service, as_owner: Client) -> None:
    analysed(game)
    put_analysed(game, {"src/Newer.luau": "return 1"}, service=COMBAT, patch="")
    put_upload(game, {"src/Waiting.luau": "return 2"}, version=145)
    html = panel(as_owner, combat)
    assert "src/Newer.luau:1" in html
    assert COMBAT_PATH not in html


def test_the_worst_come_first_and_no_more_than_fit(
    game: Game, combat: Service, as_owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = put_analysed(game, {f"src/{one}.luau": f"return {one}" for one in range(3)}, service=COMBAT, patch="")
    low, high = Finding.objects.filter(upload=upload).order_by("id")[:2]
    Finding.objects.filter(upload=upload).exclude(pk=high.pk).update(rank=1, severity="low")
    monkeypatch.setattr(service_source, "LEAKS_SHOWN", 2)
    html = panel(as_owner, combat)
    assert html.index(f"{high.file.path}:1") < html.index(f"{low.file.path}:1")
    assert html.count("code-line") == 2
    assert "All 3 leaks" in html


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda upload: Upload.objects.all().delete(), "No source is uploaded."),
        (lambda upload: upload.files.update(service="Other"), "has no script of this service"),
        (lambda upload: upload.files.update(leaks=0, harmless=2), "No leak in its source."),
        (lambda upload: upload.files.update(leaks=0), "connects to nothing"),
    ],
)
def test_without_a_leak_it_says_why(
    change: Callable[[Upload], object], said: str, game: Game, combat: Service, as_owner: Client
) -> None:
    change(put_analysed(game, {"src/Combat.luau": "return 1"}, service=COMBAT, patch=""))
    html = panel(as_owner, combat)
    assert said in html
    assert "<table" not in html


def test_hostile_source_is_text(game: Game, as_owner: Client) -> None:
    put_analysed(game, {"src/Bad.luau": SCRIPT}, service=SCRIPT, patch=SCRIPT)
    html = panel(as_owner, put_service(game, SCRIPT))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_of_another_game_there_is_none(
    game: Game, other_game: Game, combat: Service, as_owner: Client, stranger: User, log_in: Callable[[User], Client]
) -> None:
    put_analysed(other_game, {"src/Theirs.luau": "return 1"}, service=COMBAT, patch="")
    assert "No source is uploaded." in panel(as_owner, combat)
    theirs = put_service(other_game, COMBAT)
    foreign = reverse("service-source", kwargs={"slug": game.slug, "service_id": theirs.pk})
    assert as_owner.get(foreign).status_code == 404
    assert log_in(stranger).get(address(combat)).status_code == 404


def test_the_queries_do_not_grow_with_the_source(game: Game, combat: Service, as_owner: Client) -> None:
    put_analysed(game, {f"src/{one}.luau": f"return {one}" for one in range(30)}, service=COMBAT, patch="x" * 9)
    assert SourceFile.objects.count() == 30
    as_owner.get(address(combat))
    with CaptureQueriesContext(connection) as captured:
        as_owner.get(address(combat))
    assert len(captured) <= 8
    assert not any('"text"' in query["sql"] or '"patch"' in query["sql"] for query in captured)


@pytest.mark.parametrize("_", [pytest.param("in Chromium", marks=BROWSER)])
def test_the_services_page_fetches_it(_: str, page: Page, game: Game, combat: Service, complaints: list[str]) -> None:
    put_analysed(game, {"src/Combat.luau": "return 1"}, service=COMBAT, patch="")
    page.goto(f"/g/{game.slug}/services/{combat.pk}/")
    page.get_by_role("link", name="src/Combat.luau:1").click()
    expect(page.get_by_role("heading", name="src/Combat.luau")).to_be_visible()
    assert complaints == []
