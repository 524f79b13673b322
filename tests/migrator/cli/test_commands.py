"""The command line: output, exit codes, errors that say what to do."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from migrator.cli import main
from tests.migrator.game import BROKEN, BROKEN_WORDS, CLEAN, LEAKING, make_game

ROOT = Path(__file__).parents[3]


@pytest.fixture
def game(tmp_path: Path) -> Path:
    """The small game's folder without its broken file."""
    root = make_game(tmp_path / "game")
    (root / "src/Broken.luau").unlink()
    return root


def run(*arguments: object) -> int:
    """The exit code of a command, in one process."""
    return main([str(argument) for argument in arguments])


def test_analyze_lists_leaks_and_fails(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", game, "--jobs", 1) == 1
    out = capsys.readouterr().out
    assert "src/Leaking.server.luau:5:" in out
    assert out.endswith("3 connect sites: 0 managed, 2 harmless, 1 leak (1 new).\n")


@pytest.mark.parametrize(("level", "code"), [("low", 1), ("high", 1), ("never", 0)])
def test_the_severity_that_fails_can_be_chosen(game: Path, level: str, code: int) -> None:
    assert run("analyze", game, "--jobs", 1, "--fail-on", level) == code


def test_several_files_are_read_where_they_stand(
    game: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(game)
    assert run("analyze", "src/Clean.server.luau", "src/Leaking.server.luau", "--jobs", 1) == 1
    assert "src/Leaking.server.luau:5:" in capsys.readouterr().out


def test_a_baseline_lets_known_leaks_pass_and_new_ones_fail(game: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert run("analyze", game, "--jobs", 1, "--write-baseline", baseline) == 0
    assert run("analyze", game, "--jobs", 1, "--baseline", baseline) == 0
    (game / "src/Clean.server.luau").write_text(LEAKING)
    assert run("analyze", game, "--jobs", 1, "--baseline", baseline) == 1


def test_reports_are_written_beside_the_output(game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {kind: tmp_path / f"report.{kind}" for kind in ("html", "json", "sarif")}
    options = [word for kind, path in names.items() for word in ("--report", f"{kind}={path}")]
    run("analyze", game, "--jobs", 1, "--json", *options)
    assert json.loads(capsys.readouterr().out) == json.loads(names["json"].read_text())
    assert json.loads(names["sarif"].read_text())["version"] == "2.1.0"
    assert names["html"].read_text().startswith("<!doctype html>")


def test_fix_prints_a_diff_that_git_applies_and_changes_nothing(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (game / "src/Leaking.server.luau").read_bytes()
    assert run("fix", game, "--jobs", 1) == 1
    diff = capsys.readouterr().out
    assert (game / "src/Leaking.server.luau").read_bytes() == before
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(game.parent)}
    subprocess.run(["git", "apply"], cwd=game, input=diff.encode(), check=True, env=environment)
    assert run("fix", game, "--jobs", 1) == 0
    assert run("analyze", game, "--jobs", 1) == 0


@pytest.mark.parametrize("place", [".", "src", "src/Leaking.server.luau"])
def test_the_diff_of_a_part_applies_where_it_was_made(
    game: Path, place: str, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(game)
    assert run("fix", place, "--jobs", 1) == 1
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(game.parent)}
    subprocess.run(["git", "apply"], cwd=game, input=capsysbinary.readouterr().out, check=True, env=environment)
    assert run("analyze", "src", "--jobs", 1) == 0


def test_fix_writes_what_validation_proves(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fix", game, "--jobs", 1, "--write") == 0
    assert "2 of 2 sites proven" in capsys.readouterr().err
    assert "ConnectionUtils" in (game / "src/Leaking.server.luau").read_text()
    assert (game / "src/Clean.server.luau").read_text() == CLEAN


def test_validate_compares_two_files(game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original = game / "src/Leaking.server.luau"
    migrated = tmp_path / "migrated.luau"
    migrated.write_text(LEAKING.replace("player:SetAttribute", "if delta > 1 then return end player:SetAttribute"))
    assert run("validate", original, migrated) == 0
    migrated.write_text(LEAKING.replace("Players.PlayerAdded", "Players.PlayerRemoving"))
    assert run("validate", original, migrated) == 1
    assert "is missing in the migrated code" in capsys.readouterr().out


def test_validate_runs_test_cases_and_answers_as_json(
    game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "ages.luau"
    case.write_text("world.join('Bob') world.wait(0) assert(world.player('Bob'):GetAttribute('Age') > 0)")
    assert run("validate", game / "src/Leaking.server.luau", "--case", case, "--json") == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["cases"] == [{"name": "ages", "original": "", "migrated": ""}]
    assert report["outcome"] == "proven"


def test_validate_names_what_is_no_source_and_goes_on(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (game / "src/Broken.luau").write_bytes(BROKEN)
    assert run("validate", game) == 0
    said = capsys.readouterr()
    assert BROKEN_WORDS in said.err
    assert "Leaking.server.luau: proven" in said.out
    assert run("validate", game / "src/Broken.luau") == 2


def test_an_archive_is_read_and_never_written(game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = tmp_path / "game.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(game / "src/Leaking.server.luau", "Leaking.server.luau")
    (tmp_path / "Leaking.server.luau").write_text(LEAKING)
    before = archive.read_bytes()
    assert run("analyze", archive, "--jobs", 1) == 1
    assert run("fix", archive, "--jobs", 1) == 1
    for command in (["fix", archive, "--write"], ["batch", archive, "--write"], ["interactive", archive]):
        assert run(*command) == 2
    assert "is not written to" in capsys.readouterr().err
    assert archive.read_bytes() == before
    assert (tmp_path / "Leaking.server.luau").read_text() == LEAKING


def test_a_single_file_and_a_project_file_are_written_where_they_stand(game: Path) -> None:
    (game / "default.project.json").write_text('{"tree": {"ServerScriptService": {"$path": "src"}}}')
    assert run("fix", game / "default.project.json", "--jobs", 1, "--write") == 0
    path = game / "src/Leaking.server.luau"
    fixed = path.read_text()
    assert "ConnectionUtils" in fixed
    path.write_text(LEAKING)
    assert run("fix", path, "--jobs", 1, "--write") == 0
    assert path.read_text() == fixed


def test_batch_does_everything_and_goes_on(game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    assert run("batch", game, "--jobs", 2, "--state", state, "--fail-on", "never") == 0
    first = capsys.readouterr().out
    assert "validated: 2 proven, 0 changed, 0 not exercised." in first
    assert run("batch", game, "--jobs", 2, "--state", state, "--fail-on", "never") == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyze", "nowhere"], "does not exist"),
        (["analyze", "{game}", "--baseline", "none.json"], "write it with --write-baseline"),
        (["analyze", "{game}", "--diff", "HEAD"], "git knows no range"),
        (["validate", "{game}/src/Clean.server.luau", "none.luau"], "cannot be read"),
        (["validate", "{game}", "{game}/src/Clean.server.luau"], "give one original"),
        (["fix", "{empty}"], "There is no Luau file"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(
    game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [word.format(game=game, empty=tmp_path / "empty") for word in arguments]
    assert run(*filled) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--report", "pdf=x"], ["--jobs", "0"], ["--fail-on", "some"]])
def test_wrong_options_are_named(game: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("analyze", game, *arguments)
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_module_runs_as_a_program(game: Path) -> None:
    command = [sys.executable, "-m", "migrator", "analyze", str(game)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "1 leak (1 new)" in done.stdout
