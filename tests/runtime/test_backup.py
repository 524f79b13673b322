"""`manage.py backup` and `manage.py restore`: under load, into a second folder, and whatever is wrong with the file."""

import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader

from connmon.core.database import conninfo
from connmon.runtime import backup
from connmon.runtime.backup import BackupError
from connmon.runtime.embedded import running
from tests.machine import Machine, closed, opened
from tests.runtime.conftest import manage

MakeServer = Callable[..., Machine]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
KNOWN = [f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations]


def take(target: Path) -> Path:
    backup.write(target, url=conninfo(), secret_key="the key", version="0.1.0", now=NOW)
    return target


@pytest.fixture
def saved(db: None, tmp_path: Path) -> Path:
    return take(tmp_path / "saved.tar")


@pytest.fixture
def second(folder: Path) -> Iterator[str]:
    """The empty database of a second folder."""
    with running(folder, durable=False) as servers:
        yield servers.database_url


def report_on(server: Machine, held: dict[int, set[int]], enough: threading.Event) -> None:
    """Opens one connection and closes another with each report; notes what it holds after each."""
    server.send_first(opened=[opened(1)])
    held[1] = {1}
    while not enough.is_set():
        number = server.seq + 1
        assert server.send(opened=[opened(number)], closed=[closed(number - 1)]).status == 200
        held[number] = {number}


def test_a_backup_taken_under_load_is_one_moment_of_each_server(
    make_server: MakeServer, tmp_path: Path, second: str
) -> None:
    servers = [make_server(f"server-{number}") for number in range(4)]
    held: list[dict[int, set[int]]] = [{} for _ in servers]
    enough = threading.Event()
    threads = [threading.Thread(target=report_on, args=(*each, enough)) for each in zip(servers, held, strict=True)]
    for thread in threads:
        thread.start()
    try:
        while not all(len(each) > 5 for each in held):
            enough.wait(0.01)
        saved = take(tmp_path / "saved.tar")
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    about, key = backup.restore(saved, url=second, known_migrations=KNOWN)
    assert (about.taken_at, key) == (NOW.isoformat(), "the key")
    with psycopg.connect(second) as restored:
        for server, states in zip(servers, held, strict=True):
            rows = restored.execute("SELECT connection_id FROM registry_connection WHERE server_id = %s", [server.id])
            found = {row[0] for row in rows}
            seq = restored.execute("SELECT last_seq FROM registry_serverstate WHERE server_id = %s", [server.id])
            row = seq.fetchone()
            assert row is not None
            assert found == states[row[0]]
        audit = restored.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'accounts_auditentry'::regclass")
        assert audit.fetchone() != (0,)


def test_a_backup_is_its_owners_alone_and_names_nobody(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    with tarfile.open(saved) as tar:
        assert {(info.name, info.uname, info.uid) for info in tar} == {
            (name, "", 0) for name in (backup.ABOUT, backup.KEY, backup.DUMP)
        }
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_backup_never_overwrites(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(BackupError, match="never overwritten"):
        take(saved)
    assert saved.read_bytes() == before


def test_only_an_empty_database_is_restored_into(saved: Path) -> None:
    with pytest.raises(BackupError, match="holds tables already"):
        backup.restore(saved, url=conninfo(), known_migrations=KNOWN)


def test_a_newer_installations_backup_is_refused_by_name(saved: Path, second: str) -> None:
    with pytest.raises(BackupError, match=r"newer: this one does not know accounts\.0001"):
        backup.restore(saved, url=second, known_migrations=[name for name in KNOWN if name != "accounts.0001_initial"])
    assert backup.is_empty(second)


def test_what_cannot_be_restored_leaves_nothing_behind(saved: Path, second: str) -> None:
    """The first statement fails; most of the dump is still to come then."""
    with psycopg.connect(second, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION accounts_keep_audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'")
    with pytest.raises(BackupError, match='"accounts_keep_audit" already exists'):
        backup.restore(saved, url=second, known_migrations=KNOWN)
    assert backup.is_empty(second)


def rewritten(saved: Path, members: dict[str, bytes]) -> Path:
    """A tar of these members only."""
    target = saved.with_name("other.tar")
    with tarfile.open(target, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def test_what_is_no_backup_is_named_and_leaves_the_database_empty(saved: Path, second: str) -> None:
    with tarfile.open(saved) as tar:
        about = backup.member(tar, backup.ABOUT).read()
        dump = backup.member(tar, backup.DUMP).read()
    future = json.dumps({**json.loads(about), "format": 9}).encode()
    whole = {backup.ABOUT: about, backup.KEY: b"k", backup.DUMP: dump}
    cut = saved.with_name("cut.tar")
    cut.write_bytes(saved.read_bytes()[: -len(dump) // 2])
    noise = saved.with_name("noise.tar")
    noise.write_bytes(b"no tar at all" * 1_000)
    wrong = {
        "cut": cut,
        "noise": noise,
        "absent": saved.with_name("nothing.tar"),
        "without a dump": rewritten(saved, {backup.ABOUT: about, backup.KEY: b"k"}),
    }
    for source in wrong.values():
        with pytest.raises(BackupError):
            backup.restore(source, url=second, known_migrations=KNOWN)
    for members in (
        {**whole, backup.ABOUT: future},
        {**whole, backup.ABOUT: b"[]"},
        {**whole, backup.DUMP: dump[:-99]},
    ):
        with pytest.raises(BackupError):
            backup.restore(rewritten(saved, members), url=second, known_migrations=KNOWN)
    assert backup.is_empty(second)


def test_the_commands_restore_into_a_folder_of_its_own(saved: Path, folder: Path) -> None:
    done = manage(folder, "restore", str(saved))
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert (folder / "secret_key").read_text() == "the key\n"
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
    again = manage(folder, "restore", str(saved))
    assert again.returncode == 1
    assert "holds tables already" in again.stderr
    with running(folder):
        made = manage(folder, "backup")
    assert made.returncode == 0, made.stderr
    assert len(list((folder / "backups").iterdir())) == 1


def test_without_a_running_database_the_command_says_what_to_do(folder: Path) -> None:
    done = manage(folder, "backup")
    assert done.returncode == 1
    assert "manage.py up" in done.stderr
    assert "Traceback" not in done.stderr
