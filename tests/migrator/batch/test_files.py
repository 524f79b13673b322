"""What is read from folders, archives, Rojo projects and git ranges, and what is refused by name."""

import io
import os
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from migrator.files import MAX_FILES, InputRefused, changed_in, read_path, read_zip
from migrator.project import load_project
from migrator.syntax import MAX_BYTES


def zipped(files: dict[str, bytes]) -> bytes:
    """An archive with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_folder_is_read_without_packages_hidden_folders_and_other_files(tmp_path: Path) -> None:
    for name in ("a.luau", "deep/b.server.lua", "Packages/c.luau", ".git/d.luau", "e.txt", "types.d.luau"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"return 1")
    found = read_path(tmp_path)
    assert sorted(found.sources) == ["a.luau", "deep/b.server.lua"]
    assert found.refused == {}


def test_symbolic_links_are_refused_by_name(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.luau").write_text("return 1")
    root = tmp_path / "game"
    root.mkdir()
    (root / "file.luau").symlink_to(outside / "secret.luau")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    found = read_path(root)
    assert found.sources == {}
    assert sorted(found.refused) == ["file.luau", "folder", "loop"]
    with pytest.raises(InputRefused, match="symbolic link"):
        read_path(root / "folder")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.luau").open("wb") as file:
        file.truncate(2**34)
    found = read_path(tmp_path)
    assert "more than" in found.refused["huge.luau"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.luau", "does not exist"), ("notes.txt", "is no Luau file"), ("broken.zip", "no zip archive")],
)
def test_what_is_no_source_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.zip").write_text("x")
    with pytest.raises(InputRefused, match=words):
        read_path(tmp_path / name)


@pytest.mark.parametrize("name", ["../evil.luau", "/etc/evil.luau", "a/../../evil.luau", "C:\\evil.luau", "a\\b.luau"])
def test_paths_that_lead_out_of_an_archive_are_refused_by_name(name: str) -> None:
    found = read_zip(zipped({name: b"return 1", "good.luau": b"return 1"}))
    assert list(found.sources) == ["good.luau"]
    assert "leads out" in next(iter(found.refused.values()))


def test_a_link_in_an_archive_is_refused() -> None:
    entry = zipfile.ZipInfo("link.luau")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert read_zip(buffer.getvalue()).refused == {"link.luau": "It is a symbolic link."}


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = zipped({"bomb.luau": bytes(64 * 2**20), "dense.luau": b" " * (MAX_BYTES - 1), "good.luau": b"return 1"})
    assert len(bomb) < 200_000
    found = read_zip(bomb)
    assert list(found.sources) == ["good.luau"]
    assert sorted(found.refused) == ["bomb.luau", "dense.luau"]


def test_an_archive_of_too_many_entries_is_refused() -> None:
    with pytest.raises(InputRefused, match="more than"):
        read_zip(zipped({f"{number}.luau": b"" for number in range(MAX_FILES + 1)}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_damaged_and_a_doubled_entry_cost_only_themselves() -> None:
    data = bytearray(zipped({"bad.luau": b"return 12345", "good.luau": b"return 1"}))
    at = data.index(b"bad.luau") + len(b"bad.luau")
    data[at : at + 4] = b"\xff\xff\xff\xff"
    found = read_zip(bytes(data))
    assert list(found.sources) == ["good.luau"]
    assert list(found.refused) == ["bad.luau"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("same.luau", "return 1")
        archive.writestr("same.luau", "return 2")
    twice = read_zip(buffer.getvalue())
    assert twice.sources["same.luau"].text == b"return 1"
    assert "two files" in twice.refused["same.luau"]


def rojo(root: Path, tree: str) -> Path:
    """A project file with this tree."""
    root.mkdir(exist_ok=True)
    (root / "default.project.json").write_text(f'{{"name": "game", "tree": {tree}}}')
    return root


def test_a_rojo_project_says_where_files_stand(tmp_path: Path) -> None:
    root = rojo(
        tmp_path,
        '{"$className": "DataModel", "ServerScriptService": {"$path": "src/server", "Extra": {"$path": "extra.luau"}},'
        ' "ReplicatedStorage": {"Shared": {"$path": {"optional": "src/shared"}}}}',
    )
    for name in ("src/server/Combat.server.luau", "src/server/Data/init.luau", "src/shared/Util.luau", "extra.luau"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("return 1")
    assert load_project(root).instances == {
        "src/server/Combat.server.luau": ("ServerScriptService", "Combat"),
        "src/server/Data/init.luau": ("ServerScriptService", "Data"),
        "src/shared/Util.luau": ("ReplicatedStorage", "Shared", "Util"),
        "extra.luau": ("ServerScriptService", "Extra"),
    }


def test_a_rojo_project_that_points_outside_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "secret.luau").write_text("return 1")
    root = rojo(tmp_path / "game", '{"A": {"$path": "../secret.luau"}, "B": {"$path": "/etc"}, "C": {"$path": "link"}}')
    (root / "link").symlink_to(tmp_path)
    project = load_project(root)
    assert project.sources == {}
    assert {"../secret.luau", "/etc", "link"} <= set(project.refused)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"tree": 1}', "[" * 100_000])
def test_a_damaged_rojo_project_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "default.project.json").write_text(content)
    with pytest.raises(InputRefused, match="Rojo project"):
        load_project(tmp_path)


def test_a_path_that_no_file_can_have_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "default.project.json").write_text('{"tree": {"$path": "a\\u0000b"}}')
    assert list(load_project(tmp_path).refused) == ["a\0b"]


def git(root: Path, *words: str) -> None:
    """Runs git in `root`, undisturbed by whatever the machine has configured."""
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "-C", root, *words], check=True, capture_output=True, env=environment)


def test_a_git_range_names_the_files_it_changes(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for name in ("same.luau", "changed.luau", "gone.luau", "notes.txt"):
        (tmp_path / name).write_text("return 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "changed.luau").write_text("return 2")
    (tmp_path / "new ünd.luau").write_text("return 3")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "gone.luau").unlink()
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "second")
    assert changed_in(tmp_path, "HEAD~1..HEAD") == {"changed.luau", "new ünd.luau"}


@pytest.mark.parametrize("text", ["no-such-branch", "--output=/tmp/x", "HEAD; rm -rf /"])
def test_a_range_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(InputRefused, match="git knows no range"):
        changed_in(tmp_path, text)
