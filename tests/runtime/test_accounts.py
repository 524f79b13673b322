"""Letting the database's account in when root runs connmon, and nobody else."""

import os
from pathlib import Path

import pytest

from connmon.runtime import accounts
from connmon.runtime.accounts import Account
from connmon.runtime.errors import StartError

STRANGER = Account(uid=54_321, gid=54_321)  # owns nothing here


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def said() -> list[str]:
    return []


def test_an_ordinary_user_needs_no_other_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert accounts.account_for_database(tmp_path, print) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_runs_the_database_as_whoever_owns_its_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, STRANGER.uid, STRANGER.gid)
    assert accounts.account_for_database(tmp_path, print) == STRANGER


def test_root_takes_the_last_resort_where_no_account_can_be_created(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "ACCOUNT", "no-such-account")
    monkeypatch.setattr(accounts, "create_account", lambda say: None)
    assert accounts.account_for_database(tmp_path / "new", print) == accounts.find_account("nobody")


def test_without_any_account_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "find_account", lambda name: None)
    monkeypatch.setattr(accounts, "create_account", lambda say: None)
    with pytest.raises(StartError, match="useradd --system connmon"):
        accounts.account_for_database(tmp_path / "new", print)


def test_a_way_is_opened_for_passing_through_not_for_reading(tmp_path: Path, said: list[str]) -> None:
    closed = tmp_path / "closed"
    inner = closed / "inner"
    inner.mkdir(parents=True)
    closed.chmod(0o700)
    accounts.open_way(inner, STRANGER, said.append)
    assert mode(closed) == 0o701
    assert any(str(closed) in line for line in said)


def test_a_way_that_is_open_is_left_as_it_is(tmp_path: Path, said: list[str]) -> None:
    tmp_path.chmod(0o755)
    accounts.open_way(tmp_path / "inner", STRANGER, said.append)
    assert mode(tmp_path) == 0o755
    assert not any(line.endswith(str(tmp_path)) for line in said)


def test_programs_installed_for_root_alone_become_runnable(tmp_path: Path) -> None:
    programs = tmp_path / "pg"
    (programs / "bin").mkdir(parents=True)
    for name, old in (("bin/postgres", 0o700), ("share.sql", 0o600)):
        (programs / name).touch()
        (programs / name).chmod(old)
    (programs / "bin").chmod(0o700)
    programs.chmod(0o700)
    accounts.open_programs(programs, STRANGER, print)
    assert mode(programs / "bin/postgres") == 0o705
    assert mode(programs / "share.sql") == 0o604
    assert mode(programs / "bin") == mode(programs) == 0o705


def test_a_private_folder_is_closed_to_all_others(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o755)
    accounts.make_private_folder(folder, None)
    assert mode(folder) == 0o700


def test_a_link_in_the_place_of_a_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sockets").symlink_to("/var")
    with pytest.raises(StartError, match="is not a folder of ours"):
        accounts.make_private_folder(tmp_path / "sockets", None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_strangers_folder_in_the_place_of_a_private_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    os.chown(folder, STRANGER.uid, STRANGER.gid)
    with pytest.raises(StartError, match="is not a folder of ours"):
        accounts.make_private_folder(folder, None)
