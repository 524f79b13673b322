"""The page of a file, where single changes are accepted, rejected, edited and reopened."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game, Role, User
from connmon.source.decisions import Decision, decide_change
from connmon.source.models import Change, SourceFile, Upload
from connmon.source.queries import list_changes
from migrator.interactive import Choice
from tests.dashboard.conftest import log_in
from tests.dashboard.factories import SCRIPT
from tests.source.uploads import PETS, SHOP, analysed, put_change, put_upload

__all__ = ["log_in"]
LogIn = Callable[[User], Client]
MakeMember = Callable[[Role], User]
PATH = "src/server/Pets.luau"
FILES = {PATH: PETS, "src/server/Shop.luau": SHOP}
TEXTAREA = re.compile(r"<textarea[^>]*>\n(.*?)</textarea>", re.S)


@pytest.fixture
def client(owner: User, log_in: LogIn) -> Client:
    return log_in(owner)


@pytest.fixture
def upload(game: Game) -> Upload:
    return analysed(game, FILES)


def address(upload: Upload, name: str = "migration-file", **ids: int) -> str:
    return reverse(name, kwargs={"slug": upload.game.slug, "number": upload.pk} | ids)


def file_page(client: Client, upload: Upload, path: str = PATH, **more: str) -> str:
    answer = client.get(address(upload), {"path": path} | more)
    assert answer.status_code == 200
    return answer.content.decode()


def part_of(text: str, number: int) -> str:
    """What the page shows of one change."""
    start = text.index(f'id="change-{number}"')
    return text[start : text.index("</li>", start)]


def post(client: Client, upload: Upload, number: int, choice: str, **more: object) -> tuple[int, str]:
    """The status, and where it leads or the page."""
    change = Change.objects.get(file__upload=upload, number=number)
    values = {"choice": choice, "seen": str(change.revision)} | more
    answer = client.post(address(upload, "decide-change", change=change.pk), values)
    return answer.status_code, answer.get("Location") or answer.content.decode()


def download(client: Client, upload: Upload, query: str = "accepted") -> tuple[int, str]:
    answer = client.get(address(upload, "migration-patch") + f"?{query}")
    return answer.status_code, answer.content.decode()


def test_each_change_shows_its_lines_and_is_open(client: Client, upload: Upload) -> None:
    text = file_page(client, upload)
    assert "0 accepted, 0 rejected, 3 not decided" in text
    assert "Nothing is accepted yet" in text
    assert "Patch of what is accepted" not in text
    first = part_of(text, 1)
    assert "Not decided" in first
    assert "ConnectionUtils:Connect(RunService.Heartbeat, function()" in first
    assert "Stepped:Connect" in first  # a line around it
    assert "ConnectionUtils:Connect(RunService.Stepped" not in first
    assert [unescape(field) for field in TEXTAREA.findall(first)] == [
        "\t\tConnectionUtils:Connect(RunService.Heartbeat, function()",
        '\t\tend, player, "Pets.Heartbeat", "RunService.Heartbeat")',
    ]


def test_a_decision_leads_to_the_next_open_change_and_is_shown_with_its_author(
    client: Client, upload: Upload, owner: User
) -> None:
    status, where = post(client, upload, 1, "accepted")
    assert (status, where.partition("#")[2]) == (302, "change-2")
    assert post(client, upload, 3, "rejected")[1].endswith("#change-3")
    text = file_page(client, upload)
    assert "1 accepted, 1 rejected, 1 not decided" in text
    assert f'by <bdi class="wrap">{owner.email}</bdi>' in part_of(text, 1)
    assert 'value="accepted" aria-pressed="true"' in part_of(text, 1)
    assert 'value="rejected" aria-pressed="true"' in part_of(text, 3)
    post(client, upload, 1, "open")
    assert "Not decided" in part_of(file_page(client, upload), 1)


def test_the_patch_holds_what_is_accepted_and_says_so_when_nothing_is(client: Client, upload: Upload) -> None:
    status, text = download(client, upload)
    assert status == 404
    assert "No change is accepted yet" in text
    post(client, upload, 2, "accepted")
    status, text = download(client, upload, f"accepted&path={PATH}")
    assert status == 200
    assert text.startswith(f"--- a/{PATH}\n+++ b/{PATH}\n@@ ")
    assert text.count("+\t\tConnectionUtils:Connect(") == 1
    assert download(client, upload)[1] == text
    assert download(client, upload, "accepted&path=src/server/Shop.luau")[0] == 404
    assert "Patch of what is accepted (1)" in file_page(client, upload)
    overview = client.get(reverse("migration", kwargs={"slug": upload.game.slug})).content.decode()
    assert "Patch of what is accepted" in overview
    row = overview[overview.index("rewrites-title") :]
    assert re.sub(r"<[^>]+>|\s+", " ", row[row.index("<tbody>") :]).split()[:5] == [PATH, "3", "2", "1", "0"]


def test_an_edit_is_taken_as_a_form_sends_it(client: Client, upload: Upload) -> None:
    texts = ["\t\t-- by hand\r\n\t\tConnectionUtils:Connect(RunService.Heartbeat, function()", "\t\tend, player)"]
    assert post(client, upload, 1, "accepted", text=texts)[0] == 302
    shown = part_of(file_page(client, upload), 1)
    assert "Accepted as edited" in shown
    assert "Accept as proposed" in shown
    assert [unescape(field) for field in TEXTAREA.findall(shown)] == [text.replace("\r\n", "\n") for text in texts]
    patch = download(client, upload)[1]
    assert "+\t\t-- by hand\n+\t\tConnectionUtils:Connect(RunService.Heartbeat, function()\n" in patch
    assert post(client, upload, 1, "accepted")[0] == 302
    assert "by hand" not in download(client, upload)[1]


def test_an_edit_that_does_not_compile_is_shown_again_with_the_compilers_words(client: Client, upload: Upload) -> None:
    written = ["\t\tlocal function (<script>alert(1)</script>", "\t\tend"]
    status, text = post(client, upload, 1, "accepted", text=written)
    assert status == 422
    shown = part_of(text, 1)
    assert "With this the file does not compile. Line " in shown
    assert '<details class="change-edit" open>' in shown
    assert [unescape(field) for field in TEXTAREA.findall(shown)] == written
    assert "<script>alert" not in text
    assert Change.objects.get(file__upload=upload, number=1).choice == "open"


def test_whoever_decides_after_another_is_told_and_keeps_what_they_wrote(
    game: Game, client: Client, upload: Upload
) -> None:
    change = list_changes(upload)[0]
    another = Actor.of_command("ben")
    decide_change(game, upload.pk, change.pk, Decision(Choice.REJECTED), by=another, now=timezone.now())
    written = ["\t\t-- mine", "\t\t-- mine too"]
    status, text = post(client, upload, 1, "accepted", seen="0", text=written)
    assert status == 409
    shown = part_of(text, 1)
    assert "ben (manage.py) decided about this change meanwhile" in shown
    assert [unescape(field) for field in TEXTAREA.findall(shown)] == written
    assert "Rejected" in shown
    assert 'name="seen" value="1"' in shown  # now they have seen it


def test_all_that_are_open_are_decided_with_one_press(client: Client, upload: Upload) -> None:
    post(client, upload, 1, "accepted")
    answer = client.post(address(upload, "decide-changes"), {"path": PATH, "choice": "rejected"}, follow=True)
    text = answer.content.decode()
    assert "2 changes rejected." in text
    assert "1 accepted, 2 rejected, 0 not decided" in text
    assert "Reject what is open" not in text
    post(client, upload, 1, "rejected")
    assert "Every change is rejected, so there is no patch." in file_page(client, upload)


def test_files_without_changes_say_why(client: Client, game: Game) -> None:
    broken = "local function (\n" + PETS
    upload = analysed(game, {**FILES, "src/server/Broken.luau": broken, "src/server/Odd.luau": "\x1bLua"})
    assert "Nothing leaks here." in file_page(client, upload, "src/server/Shop.luau")
    for path in ("src/server/Broken.luau", "src/server/Odd.luau", "src/server/Shop.luau"):
        text = file_page(client, upload, path)
        if not Change.objects.filter(file__path=path).exists():
            assert "changes-title" not in text
            assert "There is no rewrite." in text
    Change.objects.all().delete()  # as analysed before there were changes
    assert "analysed by an earlier version of connmon" in file_page(client, upload)


def test_many_changes_stand_on_pages(
    client: Client, game: Game, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    upload = put_upload(game, FILES)
    Upload.objects.update(state="done")
    file = SourceFile.objects.get(path=PATH)
    for _ in range(60):
        put_change(file, why="Because.", text="-- new")
    with django_assert_max_num_queries(10):
        text = file_page(client, upload)
    assert text.count("data-change") == 25
    assert 'rel="next"' in text
    assert 'id="change-60"' in file_page(client, upload, page="3")
    assert 'id="change-60"' in file_page(client, upload, page="99")
    status, where = post(client, upload, 25, "accepted")
    assert (status, where.partition("?")[2]) == (302, "path=src%2Fserver%2FPets.luau&page=2#change-26")


def test_viewers_see_and_planners_decide(upload: Upload, log_in: LogIn, make_member: MakeMember) -> None:
    viewer, planner = log_in(make_member(Role.VIEWER)), log_in(make_member(Role.PLANNER))
    text = file_page(viewer, upload)
    assert "Planners decide; your role is Viewer." in text
    assert "<textarea" not in text
    assert post(viewer, upload, 1, "accepted")[0] == 403
    assert viewer.post(address(upload, "decide-changes"), {"path": PATH, "choice": "accepted"}).status_code == 403
    assert post(planner, upload, 1, "accepted")[0] == 302


def test_changes_of_another_game_are_not_found(client: Client, game: Game, other_game: Game) -> None:
    theirs = analysed(other_game, FILES)
    change = list_changes(theirs)[0]
    ids = {"slug": game.slug, "number": theirs.pk}
    assert client.get(reverse("migration-file", kwargs=ids), {"path": PATH}).status_code == 404
    assert client.get(reverse("migration-patch", kwargs=ids), {"accepted": ""}).status_code == 404
    for name, more in (("decide-change", {"change": change.pk}), ("decide-changes", {})):
        answer = client.post(reverse(name, kwargs=ids | more), {"choice": "accepted", "path": PATH})
        assert answer.status_code == 404
        assert client.post(address(theirs, name, **more), {"choice": "accepted", "path": PATH}).status_code == 404
    mine = analysed(game, FILES)  # a change of theirs below an upload of mine
    where = address(mine, "decide-change", change=change.pk)
    assert client.post(where, {"choice": "accepted"}).status_code == 404
    change.refresh_from_db()
    assert change.choice == "open"


def test_an_upload_that_has_gone_says_what_took_its_place(client: Client, game: Game, upload: Upload) -> None:
    change = list_changes(upload)[0]
    where = address(upload, "decide-change", change=change.pk)
    newer = analysed(game, {**FILES, "src/New.luau": SHOP})
    answer = client.post(where, {"choice": "accepted"})
    assert answer.status_code == 404
    assert "a newer one may have taken its place" in answer.content.decode()
    kept = analysed(game, FILES, version=144)
    assert f"?upload={kept.pk}" in file_page(client, newer)
    assert "A newer source is analysed" not in file_page(client, kept)


@pytest.mark.parametrize("values", [{}, {"choice": "perhaps"}, {"choice": "accepted", "text": ["one"]}])
def test_odd_forms_are_refused(client: Client, upload: Upload, values: dict[str, object]) -> None:
    change = list_changes(upload)[0]
    assert client.post(address(upload, "decide-change", change=change.pk), values).status_code == 422
    change.refresh_from_db()
    assert change.choice == "open"


def test_what_foreign_sources_say_is_text(client: Client, game: Game) -> None:
    hostile = PETS.replace('"Alive"', '"</textarea><script>alert(1)</script>\u202e"')
    hostile = hostile.replace(
        "Heartbeat:Connect(function()", "Heartbeat:Connect(function() -- </textarea><script>x\u202e"
    )
    upload = analysed(game, {PATH: hostile})
    for change in list_changes(upload):
        Change.objects.filter(pk=change.pk).update(why=SCRIPT, decided_by=SCRIPT, decided_at=timezone.now())
    text = file_page(client, upload)
    assert "<script>alert" not in text
    assert "</textarea><script>" not in text
    lines = text[text.index("change-lines") : text.index("</form>", text.index("change-lines"))]
    assert "\u202e" not in lines  # what turns the direction is shown as what it is: no letter
