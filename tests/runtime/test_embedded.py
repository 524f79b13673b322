"""The embedded servers in the foreground of a plain Python process."""

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from connmon.runtime import paths
from connmon.runtime.embedded import running
from connmon.runtime.errors import StartError
from tests.runtime.conftest import processes_of


def answers(database_url: str, redis_url: str) -> bool:
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as cache:
        return connection.execute("SELECT 1").fetchone() == (1,) and bool(cache.ping())


def test_both_servers_run_for_the_length_of_the_block(folder: Path) -> None:
    with running(folder, durable=False) as servers:
        assert answers(servers.database_url, servers.redis_url)
        assert servers.celery_broker_url.startswith("redis+socket:///")
    assert not processes_of(folder)


@pytest.mark.usefixtures("with_database")
def test_they_end_when_the_block_fails(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), running(folder, durable=False):
        raise ZeroDivisionError
    assert not processes_of(folder)


@pytest.mark.parametrize("name", ["d" * 100, "my games, all"])
def test_a_long_or_unusual_path_does_not_matter(folder: Path, name: str) -> None:
    data = folder / name
    with running(data, durable=False) as servers:
        assert "/tmp/connmon-" in servers.database_url
        assert answers(servers.database_url, servers.redis_url)
    shutil.rmtree(paths.socket_folder(data))


def test_an_interrupted_creation_of_the_database_is_done_again(folder: Path) -> None:
    draft = folder / "postgres.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with running(folder, durable=False) as servers:
        assert answers(servers.database_url, servers.redis_url)


def test_the_database_speaks_unicode_whatever_the_locale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.ISO-8859-1")
    monkeypatch.setenv("PGPORT", "1")
    with running(folder, durable=False) as servers, psycopg.connect(servers.database_url) as connection:
        row = connection.execute("SELECT upper('ärger'), pg_encoding_to_char(encoding) FROM pg_database").fetchone()
    assert row == ("ÄRGER", "UTF8")


@pytest.mark.usefixtures("with_database")
def test_two_at_once_on_one_folder_are_refused(folder: Path) -> None:
    with running(folder, durable=False), pytest.raises(StartError, match="already runs"), running(folder):
        pass


@pytest.mark.usefixtures("with_database")
def test_a_server_that_ends_instead_of_starting_shows_its_log(folder: Path) -> None:
    (folder / "postgres" / "postgresql.auto.conf").write_text("jit = perhaps\n")
    with pytest.raises(StartError, match='"jit" requires'), running(folder, durable=False):
        pass
    assert not processes_of(folder)


@pytest.mark.usefixtures("with_database")
def test_servers_of_a_killed_process_are_replaced(folder: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from connmon.runtime.embedded import running\n"
        "with running(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=paths.REPOSITORY, check=False)
    assert done.returncode == -9
    with running(folder) as servers:
        assert answers(servers.database_url, servers.redis_url)
