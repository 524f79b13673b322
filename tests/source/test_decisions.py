"""What people decide about single changes, and the patch that comes of it."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import ActorKind, AuditEntry, Game
from connmon.core.errors import Conflict, Invalid, NotFound
from connmon.source import compiling, decisions
from connmon.source.changes import parts_of
from connmon.source.decisions import Decision, decide_change, decide_open
from connmon.source.models import Change, SourceFile, Upload
from connmon.source.queries import accepted_patch, list_changes, list_progress
from migrator.interactive import Choice
from tests.source.uploads import GAME, PETS, SHOP, analysed

PATH = "src/server/Pets.luau"
FILES = {PATH: PETS, "src/server/Shop.luau": SHOP}
ADA, BEN = (Actor(ActorKind.USER, str(number), f"{name}@example.com") for number, name in enumerate(("ada", "ben")))


@pytest.fixture
def upload(game: Game) -> Upload:
    """Three changes in one file."""
    return analysed(game, FILES)


@pytest.fixture
def decide(game: Game, upload: Upload) -> Callable[..., Change]:
    """Decides about a change by its number."""

    def act(
        number: int, choice: str, texts: list[str] | None = None, *, by: Actor = ADA, seen: int | None = None
    ) -> Change:
        change = Change.objects.get(file__upload=upload, number=number)
        wanted = Decision(Choice(choice), texts, seen)
        return decide_change(game, upload.pk, change.pk, wanted, by=by, now=timezone.now())

    return act


def applied(folder: Path, patch: bytes, text: bytes = PETS.encode()) -> bytes:
    """The file after `git apply`."""
    path = folder / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(folder.parent)}
    for options in (["--check"], []):
        subprocess.run(["git", "apply", *options], cwd=folder, input=patch, check=True, env=environment)
    return path.read_bytes()


def lines_of(upload: Upload, number: int) -> list[str]:
    change = Change.objects.get(file__upload=upload, number=number)
    return [part.text.decode().removesuffix("\n") for part in parts_of(change)]


def test_each_change_stands_beside_its_finding(upload: Upload) -> None:
    changes = list_changes(upload)
    assert [(change.file.path, change.number, change.choice) for change in changes] == [
        (PATH, number, "open") for number in (1, 2, 3)
    ]
    assert all(change.finding and change.finding.line == change.line for change in changes)
    assert all(change.finding and change.finding.verdict == "leak" for change in changes)
    assert [(one.path, one.open, one.changes) for one in list_progress(upload)] == [(PATH, 3, 3)]


def test_the_patch_holds_exactly_what_was_accepted(
    upload: Upload, decide: Callable[..., Change], tmp_path: Path
) -> None:
    assert accepted_patch(upload) == b""
    decide(2, "accepted")
    decide(3, "rejected")
    after = applied(tmp_path, accepted_patch(upload, path=PATH))
    assert after.count(b"ConnectionUtils:Connect(") == 1
    assert after.count(b"require(") == 1
    assert b"ConnectionUtils:Connect(RunService.Stepped" in after
    decide(2, "rejected")
    assert accepted_patch(upload) == b""
    decide(1, "accepted")
    decide(2, "accepted")
    decide(3, "accepted")
    whole = upload.files.get(path=PATH).patch.encode()
    assert applied(tmp_path, accepted_patch(upload)) == applied(tmp_path, whole)
    assert accepted_patch(upload, path="src/server/Shop.luau") == b""
    with pytest.raises(NotFound):
        accepted_patch(upload, path="nowhere")


def test_an_edited_change_is_taken_as_written(upload: Upload, decide: Callable[..., Change], tmp_path: Path) -> None:
    texts = lines_of(upload, 1)
    change = decide(1, "accepted", [texts[0] + " -- by hand", *texts[1:]])
    assert change.is_edited
    after = applied(tmp_path, accepted_patch(upload))
    assert f"{texts[0]} -- by hand\n".encode() in after
    assert compiling.ask_compiler(PATH, after) == ""
    assert not decide(1, "accepted", texts).is_edited  # what stands there is no edit


def test_an_edit_that_does_not_compile_is_refused_with_the_compilers_words(
    upload: Upload, decide: Callable[..., Change]
) -> None:
    texts = lines_of(upload, 1)
    with pytest.raises(Invalid, match=r"does not compile. Line \d+: Expected"):
        decide(1, "accepted", ["local function (", *texts[1:]])
    assert Change.objects.get(file__upload=upload, number=1).choice == "open"
    assert not AuditEntry.objects.filter(action="source.decided").exists()


def test_what_an_edit_leans_on_cannot_be_taken_away(upload: Upload, decide: Callable[..., Change]) -> None:
    """Each decision is judged with all that is accepted, so that the patch always compiles."""
    one, two = lines_of(upload, 1), lines_of(upload, 2)
    decide(1, "accepted", [f"do {one[0]}", f"{one[1]} end"])
    with pytest.raises(Invalid, match="does not compile"):
        decide(2, "accepted", [f"end {two[0]}", *two[1:]])


@pytest.mark.parametrize(
    ("texts", "words"),
    [(["x"], "has 2 parts"), (["x" * 70_000, ""], "65,536 characters"), (["\0", ""], "no NUL")],
)
def test_texts_that_cannot_be_taken_are_refused(decide: Callable[..., Change], texts: list[str], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        decide(1, "accepted", texts)
    with pytest.raises(Invalid, match="Only a change that is accepted"):
        decide(1, "rejected", texts)


def test_line_ends_of_the_file_are_kept(game: Game, tmp_path: Path) -> None:
    windows = PETS.replace("\n", "\r\n")
    upload = analysed(game, {PATH: windows})
    change = list_changes(upload)[0]
    texts = [part.text.decode() for part in parts_of(change)]
    wanted = Decision(Choice.ACCEPTED, [texts[0].rstrip() + "\n\t\t-- more", *texts[1:]])
    decide_change(game, upload.pk, change.pk, wanted, by=ADA, now=timezone.now())
    after = applied(tmp_path, accepted_patch(upload), windows.encode())
    assert b"\t\t-- more\r\n" in after
    assert after.count(b"\n") == after.count(b"\r\n")


def test_who_decided_what_is_noted_once(game: Game, upload: Upload, decide: Callable[..., Change]) -> None:
    decide(1, "accepted")
    decide(1, "accepted", by=BEN)  # it is accepted already
    change = Change.objects.get(file__upload=upload, number=1)
    assert (change.decided_by, change.revision) == ("ada@example.com", 1)
    (entry,) = AuditEntry.objects.filter(action="source.decided")
    assert (entry.game_id, entry.actor, entry.target) == (game.pk, ADA.label, f"source of version 143: {PATH}")
    assert entry.after == {"choice": "accepted", "changes": [1], "edited": False}


def test_whoever_did_not_see_a_decision_does_not_overrule_it(upload: Upload, decide: Callable[..., Change]) -> None:
    decide(1, "accepted", seen=0)
    with pytest.raises(Conflict, match=r"ada@example.com decided"):
        decide(1, "rejected", by=BEN, seen=0)
    assert decide(1, "accepted", by=BEN, seen=0).decided_by == ADA.label
    assert decide(1, "rejected", by=BEN, seen=1).decided_by == BEN.label
    assert decide(2, "rejected", by=BEN, seen=0).choice == "rejected"


@pytest.mark.django_db(transaction=True)
def test_while_one_decision_is_judged_another_about_the_file_waits(
    upload: Upload, decide: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two edits that compile each alone could be accepted together."""
    others: list[bool] = []

    def is_free() -> bool:
        try:
            with transaction.atomic():
                return SourceFile.objects.select_for_update(nowait=True).filter(upload=upload, path=PATH).exists()
        except OperationalError:
            return False
        finally:
            connection.close()

    def look(*_: object) -> None:
        with ThreadPoolExecutor(1) as another:
            others.append(another.submit(is_free).result())

    monkeypatch.setattr(decisions, "refuse_broken", look)
    decide(1, "accepted")
    assert others == [False]


def test_all_that_are_open_are_decided_at_once(game: Game, upload: Upload, decide: Callable[..., Change]) -> None:
    decide(1, "rejected")
    assert decide_open(game, upload.pk, PATH, Choice.ACCEPTED, by=BEN, now=timezone.now()) == 2
    assert [change.choice for change in list_changes(upload)] == ["rejected", "accepted", "accepted"]
    assert decide_open(game, upload.pk, PATH, Choice.REJECTED, by=BEN, now=timezone.now()) == 0
    (entry,) = AuditEntry.objects.filter(action="source.decided", actor=BEN.label)
    assert entry.after == {"choice": "accepted", "changes": [2, 3], "edited": False}
    with pytest.raises(Invalid):
        decide_open(game, upload.pk, PATH, Choice.OPEN, by=BEN, now=timezone.now())


def test_a_later_upload_knows_what_was_decided(game: Game, upload: Upload, decide: Callable[..., Change]) -> None:
    texts = lines_of(upload, 1)
    decide(1, "accepted", [f"{texts[0]} -- by hand", *texts[1:]])
    decide(2, "rejected")
    later = analysed(game, {**FILES, PATH: "-- A comment.\n" + PETS.replace("Touched", "TouchEnded")}, version=144)
    changes = {change.line: change for change in list_changes(later)}
    by_choice = [change.choice for change in list_changes(later)]
    assert by_choice == ["accepted", "rejected", "open"]
    assert [change.decided_by for change in changes.values()] == [ADA.label, ADA.label, ""]
    assert b" -- by hand" in accepted_patch(later)


def test_an_edit_that_does_not_fit_the_next_source_is_open_again(
    game: Game, upload: Upload, decide: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = lines_of(upload, 1)
    decide(1, "accepted", [f"{texts[0]} -- by hand", *texts[1:]])
    decide(2, "rejected")
    monkeypatch.setattr(compiling, "compile_problem", lambda *_: "Line 1: Expected something else")
    later = analysed(game, FILES, version=144)
    assert [change.choice for change in list_changes(later)] == ["open", "rejected", "open"]
    assert accepted_patch(later) == b""


def test_changes_of_another_game_and_of_dropped_uploads_are_not_found(
    game: Game, other_game: Game, upload: Upload
) -> None:
    change = list_changes(upload)[0]
    accept = Decision(Choice.ACCEPTED)
    for of, number, change_id in ((other_game, upload.pk, change.pk), (game, upload.pk, 0), (game, 0, change.pk)):
        with pytest.raises(NotFound):
            decide_change(of, number, change_id, accept, by=ADA, now=timezone.now())
    with pytest.raises(NotFound):
        decide_open(other_game, upload.pk, PATH, Choice.ACCEPTED, by=ADA, now=timezone.now())
    newer = analysed(game, GAME)  # of the same version: the old one goes
    with pytest.raises(NotFound, match="a newer one may have taken its place"):
        decide_change(game, upload.pk, change.pk, accept, by=ADA, now=timezone.now())
    assert Upload.objects.filter(game=game).get() == newer


def test_a_file_that_never_compiled_can_be_accepted_but_not_edited(game: Game) -> None:
    broken = PETS + "\nlocal function (\n"
    upload = analysed(game, {PATH: broken})
    changes = list(list_changes(upload))
    for change in changes:
        texts = [part.text.decode() + "--" for part in parts_of(change)]
        with pytest.raises(Invalid, match="does not compile as it was uploaded"):
            decide_change(game, upload.pk, change.pk, Decision(Choice.ACCEPTED, texts), by=ADA, now=timezone.now())


def test_sources_that_are_no_text_are_patched_byte_for_byte(game: Game, tmp_path: Path) -> None:
    raw = PETS.encode().replace(b"-- Pets", b"-- \xff\xfe")
    raw = raw.replace(b"Heartbeat:Connect(function()", b"Heartbeat:Connect(function() --\xff")
    upload = analysed(game, {PATH: raw})
    assert decide_open(game, upload.pk, PATH, Choice.ACCEPTED, by=ADA, now=timezone.now()) == 3
    after = applied(tmp_path, accepted_patch(upload), raw)
    assert b"ConnectionUtils:Connect(RunService.Heartbeat, function() --\xff\n" in after
    change = list_changes(upload)[0]
    with pytest.raises(Invalid, match="bytes that are no text"):
        decide_change(game, upload.pk, change.pk, Decision(Choice.ACCEPTED, ["a", "b"]), by=ADA, now=timezone.now())
