"""A batch: every file's result, resumed where it was, problems named."""

import os
import subprocess
from pathlib import Path

import pytest

from migrator.batch import BatchOptions, BatchReport, Step, batch_migrate
from migrator.model import Edit, Migration
from migrator.project import load_project
from migrator.validate import Outcome
from migrator.writing import WriteRefused, unified_diff, write_migration
from tests.migrator.game import BROKEN_WORDS, LEAKING, make_game


def run(root: Path, **options: object) -> BatchReport:
    """A batch over a game, in one process."""
    return batch_migrate(load_project(root), BatchOptions(jobs=1, **options))  # type: ignore[arg-type]


def test_a_game_is_analysed_rewritten_and_validated(tmp_path: Path) -> None:
    report = run(make_game(tmp_path))
    broken, clean, leaking = report.files
    assert BROKEN_WORDS in broken.problem
    assert (clean.migration is not None, clean.validation) == (True, None)
    assert leaking.is_safe_to_write
    assert leaking.validation is not None
    assert leaking.validation.after_players_left.original == 3
    assert leaking.validation.after_players_left.migrated == 1
    assert report.outcomes() == {Outcome.PROVEN: 2, Outcome.CHANGED: 0, Outcome.NOT_EXERCISED: 0}


def test_progress_counts_up_to_all_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    project = load_project(make_game(tmp_path))
    batch_migrate(project, BatchOptions(Step.ANALYZE, jobs=1), lambda *news: seen.append(news))
    assert [(done, total) for done, total, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert {path for _, _, path in seen} == set(project.sources)


def test_an_interrupted_batch_goes_on_where_it_was(tmp_path: Path) -> None:
    root, state = make_game(tmp_path / "game"), tmp_path / "state"
    project, options = load_project(root), BatchOptions(Step.FIX, jobs=1, state=state)

    def interrupt(done: int, total: int, path: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch_migrate(project, options, interrupt)
    state.write_bytes(state.read_bytes() + b'{"digest":"cut o')
    worked_on: list[str] = []
    resumed = batch_migrate(project, options, lambda done, total, path: worked_on.append(path))
    assert len(worked_on) == 1
    assert resumed == run(root, step=Step.FIX)


def test_a_file_that_changed_meanwhile_is_done_again(tmp_path: Path) -> None:
    root, state = make_game(tmp_path / "game"), tmp_path / "state"
    run(root, step=Step.ANALYZE, state=state)
    (root / "src/Clean.server.luau").write_text(LEAKING)
    report = run(root, step=Step.ANALYZE, state=state)
    assert [len(analysis.leaks) for analysis in report.analyses] == [1, 1]


def test_only_named_files_are_looked_at(tmp_path: Path) -> None:
    report = run(make_game(tmp_path), step=Step.ANALYZE, only={"src/Clean.server.luau"})
    assert [file.path for file in report.files] == ["src/Clean.server.luau"]


def test_a_file_that_takes_too_long_is_named(tmp_path: Path) -> None:
    report = run(make_game(tmp_path), step=Step.ANALYZE, seconds=0.0)
    assert "did not end within 0 s" in " ".join(file.problem for file in report.files)


def migration_of(root: Path) -> Migration:
    """The rewrite of the leaking file."""
    found = [file.migration for file in run(root, step=Step.FIX).files if file.is_safe_to_write]
    assert found[0] is not None
    return found[0]


def test_a_rewrite_is_written_whole_and_keeps_the_mode(tmp_path: Path) -> None:
    root = make_game(tmp_path)
    path = root / "src/Leaking.server.luau"
    path.chmod(0o640)
    migration = migration_of(root)
    write_migration(root, migration)
    assert path.read_bytes() == migration.migrated
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "Broken.luau",
        "Clean.server.luau",
        "Leaking.server.luau",
    ]


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(tmp_path: Path) -> None:
    root = make_game(tmp_path)
    migration = migration_of(root)
    path = root / "src/Leaking.server.luau"
    path.write_text("-- mine")
    with pytest.raises(WriteRefused, match="has changed since"):
        write_migration(root, migration)
    assert path.read_text() == "-- mine"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    root = make_game(tmp_path / "game")
    migration = migration_of(root)
    outside = tmp_path / "outside.luau"
    outside.write_text(LEAKING)
    (root / "src/Leaking.server.luau").unlink()
    (root / "src/Leaking.server.luau").symlink_to(outside)
    with pytest.raises(WriteRefused, match="symbolic link"):
        write_migration(root, migration)
    assert outside.read_text() == LEAKING


def rewritten(before: bytes, after: bytes) -> Migration:
    """A migration that replaces everything."""
    return Migration("a.luau", before, after, (Edit((0, len(before)), after, None, "."),), ())


def test_a_diff_can_be_applied_and_says_when_the_last_line_has_no_end() -> None:
    assert unified_diff(rewritten(b"a\nb", b"a\nc")) == (
        "--- a/a.luau\n+++ b/a.luau\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n"
        "\\ No newline at end of file\n"
    )


@pytest.mark.parametrize("odd", ["\f", "\v", "\r", "\x1c", "\x85", "\u2028"])
def test_only_a_newline_ends_a_line_of_a_diff_as_git_has_it(odd: str, tmp_path: Path) -> None:
    before, after = (
        f'print("{odd}")\nold("{odd}")\nlast()\n'.encode(),
        f'print("{odd}")\nnew("{odd}")\nlast()\n'.encode(),
    )
    (tmp_path / "a.luau").write_bytes(before)
    diff = unified_diff(rewritten(before, after))
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(tmp_path.parent)}
    subprocess.run(["git", "apply"], cwd=tmp_path, input=diff.encode(), check=True, env=environment)
    assert (tmp_path / "a.luau").read_bytes() == after
