"""The migration pages, and the source on a leak's page."""

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connmon.accounts.models import Game, Role, User
from connmon.source.models import Finding, SourceFile, Upload
from tests.dashboard.conftest import log_in
from tests.dashboard.factories import HOSTILE_NAMES, SCRIPT
from tests.leaks.ledger import put_leak
from tests.source.uploads import COMBAT, GAME, LEAK_LINE, analysed, put_upload, zipped

__all__ = ["log_in"]
LogIn = Callable[[User], Client]
MakeMember = Callable[[Role], User]
SITE = f"ServerScriptService.CombatService:{LEAK_LINE}"
PATH = "src/server/CombatService.luau"


@pytest.fixture
def client(owner: User, log_in: LogIn) -> Client:
    return log_in(owner)


def address(game: Game, name: str = "migration", **ids: int) -> str:
    return reverse(name, kwargs={"slug": game.slug} | ids)


def page(client: Client, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def send(
    client: Client, game: Game, content: bytes, *, name: str = "game.zip", version: str = "143"
) -> tuple[int, str]:
    file = SimpleUploadedFile(name, content)
    answer = client.post(address(game, "upload-source"), {"place_version": version, "file": file})
    return answer.status_code, answer.content.decode()


def test_a_game_without_source_is_told_how_to_send_it_from_ci(client: Client, game: Game) -> None:
    text = page(client, address(game))
    assert "No source is analysed yet." in text
    assert "http://testserver/api/v1/source?place_version=143" in text
    assert "Nothing was uploaded yet." in text


def test_an_archive_is_uploaded_on_the_page(client: Client, game: Game) -> None:
    assert send(client, game, zipped(GAME))[0] == 302
    text = page(client, address(game))
    assert "Version 143: it waits to be analysed." in text
    assert "data-moving" in text
    send(client, game, zipped(GAME))
    assert "this very source was uploaded before" in page(client, address(game))
    assert Upload.objects.filter(game=game).count() == 1


def test_one_file_is_uploaded_by_its_name(client: Client, game: Game) -> None:
    assert send(client, game, COMBAT.encode(), name="CombatService.luau")[0] == 302
    assert SourceFile.objects.get().path == "CombatService.luau"


@pytest.mark.parametrize(
    ("content", "name", "version", "words"),
    [
        (b"x", "notes.txt", "1", "no zip archive"),
        (zipped({"a.md": "x"}), "a.zip", "1", "There is no Luau file in it"),
        (zipped(GAME), "a.zip", "-1", "greater than or equal to 0"),
        (zipped(GAME), "a.zip", "", "This field is required"),
        (b"", "a.zip", "1", "The submitted file is empty"),
        (zipped({"../<script>.luau": "x"}), "a.zip", "1", "../&lt;script&gt;.luau: Its path leads out"),
    ],
)
def test_what_cannot_be_taken_is_told_on_the_form(
    client: Client, game: Game, content: bytes, name: str, version: str, words: str
) -> None:
    status, text = send(client, game, content, name=name, version=version)
    assert status == 422
    assert words in text
    assert not Upload.objects.exists()


def test_the_board_tells_each_service(client: Client, game: Game) -> None:
    analysed(game)
    put_leak(game, "CombatService", site=SITE, now=timezone.now())
    text = page(client, address(game))
    board = text[text.index("board-title") : text.index("Findings")]
    rows = [re.sub(r"<[^>]+>|\s+", " ", row).split() for row in board.split("<tr>")[2:]]
    assert rows[0] == ["CombatService", "50", "%", "0", "1", "1", "0", "1", "8", "min"]
    assert rows[1][:6] == ["Shop", "100", "%", "1", "0", "0"]
    assert "Source of version 143, analysed" in text


def test_findings_show_their_line_and_reason_and_are_filtered(client: Client, game: Game) -> None:
    analysed(game)
    text = page(client, address(game))
    assert f"{PATH}:{LEAK_LINE}" in text
    assert "RunService.Heartbeat:Connect(function(step)" in text
    assert Finding.objects.get(verdict="leak").reason.split(";")[0] in text.replace("&#x27;", "'")
    assert "Proven" in text
    assert "Shop.luau:3" not in text
    assert "Shop.luau:3" in page(client, address(game) + "?verdict=managed&service=Shop")
    assert "Nothing matches." in page(client, address(game) + "?severity=low")
    assert f"{PATH}:{LEAK_LINE}" in page(client, address(game) + "?verdict=nonsense&severity=x&page=0&upload=%00")


def test_a_file_stands_beside_its_rewrite(client: Client, game: Game) -> None:
    upload = analysed(game)
    text = page(client, address(game, "migration-file", number=upload.pk) + f"?path={PATH}")
    assert '<td class="side-gone"><pre>        RunService.Heartbeat:Connect(function(step)</pre></td>' in text
    assert (
        '<td class="side-come"><pre>        ConnectionUtils:Connect(RunService.Heartbeat, function(step)</pre>' in text
    )
    download = client.get(address(game, "migration-patch", number=upload.pk) + f"?path={PATH}")
    assert download["Content-Disposition"] == 'attachment; filename="connmon-143.patch"'
    assert download.content.decode() == SourceFile.objects.get(path=PATH).patch
    assert client.get(address(game, "migration-patch", number=upload.pk)).content == download.content
    assert client.get(address(game, "migration-file", number=upload.pk) + "?path=nowhere").status_code == 404


def test_versions_stand_below_each_other(client: Client, game: Game) -> None:
    old = analysed(game, version=142)
    analysed(game, {"src/server/Shop.luau": GAME["src/server/Shop.luau"]}, version=143)
    text = page(client, address(game))
    versions = text[text.index("versions-title") :]
    assert versions.index(">143</a>") < versions.index(">142</a>")
    assert "66 %" in versions
    assert "No leak in this source." in text
    assert f"{PATH}:{LEAK_LINE}" in page(client, address(game) + f"?upload={old.pk}")


def test_a_failed_upload_tells_why(client: Client, game: Game) -> None:
    put_upload(game)
    Upload.objects.update(state="failed", reason=f"{SCRIPT} went wrong")
    text = page(client, address(game, "migration-status"))
    assert "Failed" in text
    assert "&lt;script&gt;" in text
    assert "data-moving" not in text


def test_paths_and_sources_are_text_on_every_page(client: Client, game: Game) -> None:
    name = "src/<script>alert(1)<\\script>.luau".replace("\\", "")
    hostile = COMBAT.replace("CombatService", "Combat").replace(
        "function(step)", "function(step) -- <script>alert(1)</script> <img src=x onerror=alert(1)>"
    )
    upload = analysed(game, {name: hostile})
    put_leak(game, site=f"ServerScriptService.src.<script>alert(1)<script>:{LEAK_LINE}", now=timezone.now())
    path = SourceFile.objects.get(upload=upload).path
    for where in (
        address(game),
        address(game) + "?verdict=all",
        address(game, "migration-status"),
        address(game, "migration-file", number=upload.pk) + f"?path={path}",
    ):
        text = page(client, where)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_a_leak_shows_its_line_the_finding_and_the_patch(client: Client, game: Game) -> None:
    leak = put_leak(game, site=SITE, now=timezone.now(), versions=[142, 143])
    where = reverse("leak", kwargs={"slug": game.slug, "number": leak.pk})
    assert "No source with this script is uploaded." in page(client, where)
    upload = analysed(game)
    text = page(client, where)
    part = text[text.index("source-title") :]
    assert f'<span class="is-hit"><span class="side-number">{LEAK_LINE}</span>         RunService.Heartbeat' in part
    assert Finding.objects.get(verdict="leak").advice.split("'")[0] in part
    assert f"/migration/{upload.pk}/connmon.patch?path=src%2Fserver%2FCombatService.luau" in part
    assert "the newest that is uploaded" not in part


def test_another_games_source_is_not_found(client: Client, game: Game, other_game: Game) -> None:
    theirs = analysed(other_game)
    for where in (
        address(game) + f"?upload={theirs.pk}",
        address(game, "migration-file", number=theirs.pk) + f"?path={PATH}",
        address(game, "migration-patch", number=theirs.pk),
    ):
        answer = client.get(where)
        assert answer.status_code == 404
        assert "RunService" not in answer.content.decode()
    assert client.get(address(other_game)).status_code == 404


def test_viewers_read_and_planners_upload(game: Game, log_in: LogIn, make_member: MakeMember) -> None:
    viewer, planner = log_in(make_member(Role.VIEWER)), log_in(make_member(Role.PLANNER))
    assert "Planners upload sources." in page(viewer, address(game))
    assert send(viewer, game, zipped(GAME))[0] == 403
    assert send(planner, game, zipped(GAME))[0] == 302


def test_an_upload_without_its_token_is_refused(owner: User, game: Game) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert send(strict, game, zipped(GAME))[0] == 403
    assert not Upload.objects.exists()


def test_a_large_source_costs_no_more_queries(
    client: Client, game: Game, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    files = {f"src/Service{number}.luau": COMBAT.replace("CombatService", f"S{number}") for number in range(60)}
    upload = put_upload(game, files)
    Upload.objects.update(state="done", leaks=60)
    rows = SourceFile.objects.filter(upload=upload)
    rows.update(leaks=1, patch="x")
    for row in rows:
        row.service = row.path
        row.save(update_fields=["service"])
        put_finding(row)
    with django_assert_max_num_queries(10):
        text = page(client, address(game))
    assert text.count("Connect(nothing)") == 50
    assert 'rel="next"' in text
    assert page(client, address(game) + "?page=2").count("Connect(nothing)") == 10


def put_finding(file: SourceFile) -> Finding:
    """A leak in a file that nobody analysed."""
    values = {"line": 1, "end_line": 1, "column": 1, "code": "Connect(nothing)", "rank": 1, "severity": "low"}
    return Finding.objects.create(upload=file.upload, file=file, service=file.service, verdict="leak", **values)


def test_hostile_names_of_services_are_text(client: Client, game: Game) -> None:
    files = {f"src/{number}.luau": COMBAT for number in range(len(HOSTILE_NAMES))}
    upload = put_upload(game, files)
    Upload.objects.update(state="done", leaks=3)
    for row, name in zip(upload.files.order_by("path"), HOSTILE_NAMES, strict=True):
        SourceFile.objects.filter(pk=row.pk).update(service=name[:128], leaks=1)
    text = page(client, address(game))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
