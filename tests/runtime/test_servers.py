"""PostgreSQL and Valkey under the supervisor, through every way they and it can die."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from connmon.runtime import locks, paths, postgres, processes, servers
from connmon.runtime.errors import StopAsked
from connmon.runtime.postgres import Postgres
from connmon.runtime.valkey import Valkey
from tests.runtime.conftest import StartRun, processes_of, wait_for

POSTGRES = {"name": "postgres"}
VALKEY = {"name": "valkey"}


def connect(folder: Path) -> psycopg.Connection:
    return psycopg.connect(paths.embedded_database_url(folder), autocommit=True)


def write_row(folder: Path) -> None:
    with connect(folder) as connection:
        connection.execute("CREATE TABLE kept (what text)")
        connection.execute("INSERT INTO kept VALUES ('a row')")


def read_row(folder: Path) -> str:
    with connect(folder) as connection:
        row = connection.execute("SELECT what FROM kept").fetchone()
        assert row is not None
        return str(row[0])


def postmaster(folder: Path) -> psutil.Process:
    """The main process of the running PostgreSQL."""
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))


def client(folder: Path) -> redis.Redis:
    return redis.Redis.from_url(paths.embedded_redis_url(folder), decode_responses=True)


@pytest.mark.usefixtures("with_database")
def test_a_stop_leaves_no_process_and_the_next_start_has_the_data(start: StartRun, folder: Path) -> None:
    run = start([POSTGRES, VALKEY])
    write_row(folder)
    with client(folder) as cache:
        cache.set("kept", "a value")
    assert run.stop() == 0
    assert not processes_of(folder)
    start([POSTGRES, VALKEY])
    assert read_row(folder) == "a row"
    with client(folder) as cache:
        assert cache.get("kept") == "a value"


@pytest.mark.usefixtures("with_database")
def test_no_server_listens_on_the_network(start: StartRun, folder: Path) -> None:
    start([POSTGRES, VALKEY])
    assert [one for process in processes_of(folder) for one in process.net_connections("inet")] == []
    for path in (paths.postgres_socket_folder(folder), paths.valkey_socket(folder).parent):
        assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("with_database")
def test_after_a_killed_supervisor_the_next_start_has_the_data(start: StartRun, folder: Path) -> None:
    run = start([POSTGRES, VALKEY])
    write_row(folder)
    run.kill()
    start([POSTGRES, VALKEY])
    assert read_row(folder) == "a row"


@pytest.mark.usefixtures("with_database")
def test_a_database_that_outlived_its_supervisor_is_ended_before_the_next_runs(start: StartRun, folder: Path) -> None:
    # With no death signal, as on macOS. The second supervisor must not run a second server beside it.
    left = outlive(folder)
    run = start([POSTGRES])
    assert f"ending the server that an earlier run left (process {left.pid})" in run.output()
    assert left.wait(30) == 0
    assert postmaster(folder).pid != left.pid


def outlive(folder: Path, *, hold_lock: bool = True) -> subprocess.Popen[bytes]:
    """Start PostgreSQL as a supervisor that is gone by now would have, or as somebody without our lock."""
    server, silent = Postgres(folder), threading.Event()
    lock = servers.claim(server, print, silent)
    account = server.prepare(print, lock)
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    command = processes.launch_command(server.command(), death_signal=0, uid=uid, gid=gid)
    left = subprocess.Popen(
        command,
        pass_fds=(lock,) if hold_lock else (),
        cwd=server.folder,
        env=postgres.plain_environment(),
        stderr=subprocess.DEVNULL,
    )
    os.close(lock)
    assert servers.await_ready(server, left.pid, lambda: left.poll() is None, print, silent)
    return left


@pytest.mark.usefixtures("with_database")
def test_a_killed_database_comes_back_with_the_data_although_a_session_lingers(start: StartRun, folder: Path) -> None:
    run = start([POSTGRES])
    write_row(folder)
    with connect(folder) as connection:
        # A session deep in a computation does not notice that its postmaster is gone, and holds the shared memory.
        busy = psutil.Process(connection.info.backend_pid)
        thread = threading.Thread(target=compute_long, args=(connection,))
        thread.start()
        wait_for(lambda: is_computing(folder), "the long computation")
        postmaster(folder).kill()
        run.wait_for_line("database system is ready", times=2)
        thread.join(30)
    assert not processes.is_alive(busy)
    assert wait_for(lambda: try_read_row(folder), "the database") == "a row"


def compute_long(connection: psycopg.Connection) -> None:
    """Keep a session busy until its server is killed."""
    try:
        connection.execute("SELECT count(*) FROM generate_series(1, 100000000000)")
    except psycopg.OperationalError:
        return


def is_computing(folder: Path) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 1%'"
    with connect(folder) as connection:
        row = connection.execute(query + " AND pid <> pg_backend_pid()").fetchone()
        return row is not None and row[0] == 1


def try_read_row(folder: Path) -> str | None:
    try:
        return read_row(folder)
    except psycopg.OperationalError:
        return None


def test_a_killed_valkey_comes_back_with_what_it_had_on_disk(start: StartRun, folder: Path) -> None:
    run = start([VALKEY])
    with client(folder) as cache:
        cache.set("kept", "a value")
        assert cache.execute_command("WAITAOF", 1, 0, 0)[0] == 1
        psutil.Process(cache.info("server")["process_id"]).kill()
    run.wait_for_line("valkey was killed by SIGKILL")
    assert wait_for(lambda: try_get(folder, "kept"), "valkey") == "a value"


def try_get(folder: Path, key: str) -> str | None:
    try:
        with client(folder) as cache:
            value = cache.get(key)
            return value if isinstance(value, str) else None
    except redis.ConnectionError:
        return None


def test_valkey_refuses_rather_than_drops(start: StartRun, folder: Path) -> None:
    start([VALKEY])
    with client(folder) as cache:
        found = cache.config_get("maxmemory-policy", "appendonly", "appendfsync", "port")
    assert found == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "port": "0",
    }


def test_a_second_start_on_the_folder_is_refused_and_told_who_holds_it(start: StartRun, folder: Path) -> None:
    first = start([VALKEY])
    second = start([VALKEY], wait=False)
    assert second.process.wait(30) == 1
    assert f"already runs on {folder} (process {first.process.pid}, the test driver)" in second.output()
    assert first.process.poll() is None


@pytest.mark.usefixtures("with_database")
def test_a_number_in_postmaster_pid_that_belongs_to_another_program_is_no_obstacle(
    start: StartRun, folder: Path
) -> None:
    assert start([POSTGRES]).stop() == 0
    (folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n")
    start([POSTGRES])


@pytest.mark.usefixtures("with_database")
def test_a_postmaster_that_is_dead_but_not_collected_is_no_obstacle(start: StartRun, folder: Path) -> None:
    assert start([POSTGRES]).stop() == 0
    dead = subprocess.Popen(["/bin/true"])
    wait_for(lambda: not processes.is_alive(psutil.Process(dead.pid)), "its end")
    (folder / "postgres" / "postmaster.pid").write_text(f"{dead.pid}\n{folder / 'postgres'}\n")
    (paths.postgres_socket_folder(folder) / ".s.PGSQL.5432.lock").write_text(f"{dead.pid}\n")
    run = start([POSTGRES])
    assert "already exists" not in run.output()
    dead.wait()


@pytest.mark.usefixtures("with_database")
def test_a_server_that_somebody_started_by_hand_is_left_alone(start: StartRun, folder: Path) -> None:
    by_hand = outlive(folder, hold_lock=False)
    run = start([POSTGRES], wait=False)
    assert run.process.wait(30) == 1
    assert f"A PostgreSQL that connmon did not start (process {by_hand.pid}) runs on" in run.output()
    assert by_hand.poll() is None
    by_hand.send_signal(signal.SIGINT)
    by_hand.wait(30)


@pytest.mark.usefixtures("with_database")
def test_a_folder_of_another_major_version_is_refused_with_a_way_out(start: StartRun, folder: Path) -> None:
    assert start([POSTGRES]).stop() == 0
    (folder / "postgres" / "PG_VERSION").write_text("16\n")
    run = start([POSTGRES], wait=False)
    assert run.process.wait(30) == 1
    assert "was made by PostgreSQL 16" in run.output()


@pytest.mark.usefixtures("with_database")
def test_a_database_that_cannot_start_ends_the_start_after_some_attempts(start: StartRun, folder: Path) -> None:
    assert start([POSTGRES]).stop() == 0
    (folder / "postgres" / "postgresql.auto.conf").write_text("shared_buffers = nonsense\n")
    run = start([POSTGRES], wait=False)
    assert run.process.wait(60) == 1
    assert "postgres ended 3 times before it was ready" in run.output()
    assert "nonsense" in run.output()


def test_waiting_for_an_old_server_says_so_and_ends_when_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "PROGRESS_EVERY", 0.0)
    server, stopping, said = Valkey(folder), threading.Event(), list[str]()
    folder.mkdir()
    lock = locks.try_lock(server.lock)
    assert lock is not None

    def say(line: str) -> None:
        said.append(line)
        stopping.set()

    with pytest.raises(StopAsked):
        servers.claim(server, say, stopping)
    os.close(lock)
    assert said == ["valkey: the server of an earlier run is still ending, 0 s …"]


def test_a_server_that_recovers_is_waited_for_with_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "PROGRESS_EVERY", 0.0)
    answers = iter([False, False, True])
    monkeypatch.setattr(Valkey, "is_ready", lambda self, pid: next(answers))
    said: list[str] = []
    assert servers.await_ready(Valkey(folder), 1, lambda: True, said.append, threading.Event())
    assert said == ["valkey is recovering what the last run left, 0 s …"] * 2
