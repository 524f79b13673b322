"""connmon under test: embedded servers, a filled registry, web processes. All on loopback, all ended at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, LiteralString
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from bench.ingest.workloads import BOOT, SERVERS, owner_of, service_name
from bench.loader import server_names
from connmon.core import ids
from connmon.runtime import embedded

READY_SECONDS = 60.0
SERVICES = 100
FIRST_FILLED_ID = 1_000_000_000  # far above what the load opens
STATE_COLUMNS = (
    "server_id, game_id, last_seq, last_digest, snapshot, snapshot_part, synced, superseded, received_at, due_at, "
    "clock_skew, players, config_revision, dropped, service_ids, live, opened, closed, idle, orphaned, stale, "
    "pool_types, pool_size, pool_in_use, pool_hits, pool_misses"
)


COPY: Final[LiteralString] = """
    COPY registry_connection (server_id, service_id, connection_id, opened_at, state, owner_kind, snapshot,
                              essential, owner, name, type, site) FROM STDIN
"""


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database with one game and its report key."""

    url: str
    environment: dict[str, str]
    game_id: int
    key: str

    def cpu_s(self) -> float:
        """Processor time of all its processes so far, in seconds (Linux)."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        assert row
        postmaster = Path(f"/proc/{row[0].split()[0]}")
        return _tree_cpu_s(int(postmaster.name)) + _ended_children_cpu_s(postmaster)


@contextmanager
def database(*, connections: int, servers: int = SERVERS) -> Iterator[Database]:
    """A durable embedded database on a new folder, its registry holding `connections` rows over `servers` servers."""
    with TemporaryDirectory(prefix="connmon-bench-") as folder, embedded.running(Path(folder) / "data") as parts:
        environment = os.environ | {
            "DATABASE_URL": parts.database_url,
            "REDIS_URL": parts.redis_url,
            "CELERY_BROKER_URL": parts.celery_broker_url,
            "CONNMON_DATA": folder,
            "CONNMON_KEY_RATE": "1000000",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, env=environment)
        with psycopg.connect(parts.database_url, autocommit=True) as connection:
            game_id, key = _add_game(connection)
            fill(connection, game_id, connections=connections, servers=servers)
        yield Database(parts.database_url, environment, game_id, key)


def _add_game(connection: psycopg.Connection) -> tuple[int, str]:
    key, now = ids.new_key(), datetime.now(UTC)
    row = connection.execute(
        "INSERT INTO accounts_game (name, slug, is_demo, report_interval, created_at) "
        "VALUES ('Bench', 'bench', false, 10, %s) RETURNING id",
        [now],
    ).fetchone()
    assert row
    connection.execute(
        "INSERT INTO accounts_apikey (id, game_id, name, digest, scopes, created_at) "
        "VALUES (%s, %s, 'bench', %s, '{report}', %s)",
        [key.id, row[0], ids.digest(key.secret), now],
    )
    return row[0], key.plaintext


def fill(connection: psycopg.Connection, game_id: int, *, connections: int, servers: int = SERVERS) -> None:
    """Services, known servers at seq 0, and `connections` registered connections spread over them."""
    connection.execute(
        "INSERT INTO registry_service (game_id, name, first_seen_at) SELECT %s, n, now() FROM unnest(%s::text[]) n "
        "ON CONFLICT DO NOTHING",
        [game_id, [service_name(index) for index in range(SERVICES)]],
    )
    service_ids = [row[0] for row in connection.execute("SELECT id FROM registry_service ORDER BY id")]
    names = list(server_names(servers))
    keys = [ids.server_key(game_id, name, BOOT) for name in names]
    connection.execute(
        "INSERT INTO registry_gameserver (id, game_id, name, boot, agent, first_seen_at) "
        "SELECT id, %s, name, %s, 'bench', now() FROM unnest(%s::bigint[], %s::text[]) AS known(id, name)",
        [game_id, BOOT, keys, names],
    )
    connection.execute(
        f"INSERT INTO registry_serverstate ({STATE_COLUMNS}) SELECT id, %s, 0, 0, 1, 0, true, false, now(), now(), "
        "0, 0, 0, 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}' "
        "FROM unnest(%s::bigint[]) AS id",
        [game_id, keys],
    )
    _fill_connections(connection, keys, service_ids, connections // servers)
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


def _fill_connections(
    connection: psycopg.Connection, server_keys: list[int], service_ids: list[int], per_server: int
) -> None:
    with connection.cursor().copy(COPY) as copy:
        for server_key in server_keys:
            for index in range(per_server):
                service = service_ids[index % len(service_ids)]
                owner, _ = owner_of(index)
                copy.write(
                    f"{server_key}\t{service}\t{FIRST_FILLED_ID + index}\t1763860000.5\t0\t2\t1\tf\t{owner}\t"
                    f"Handler{index % 20}\tRunService.Heartbeat\tServerScriptService.{service_name(index % 100)}:118\n"
                )


@contextmanager
def web(
    base: Database, *, processes: int, application: str = "connmon.asgi:application"
) -> Iterator[tuple[str, list[int]]]:
    """Web processes on one listening socket, as `manage.py up` runs them; their address and process ids."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as runtime/web.py does
        listener.listen(2048)
        descriptor = listener.fileno()
        command = [
            sys.executable, "-m", "uvicorn", application, "--fd", str(descriptor), "--loop", "uvloop",
            "--http", "connmon.runtime.patience:PatientHttpProtocol", "--ws", "websockets-sansio", "--no-access-log",
            "--no-proxy-headers", "--no-server-header", "--log-level", "warning",
        ]  # fmt: skip
        running = [subprocess.Popen(command, env=base.environment, pass_fds=(descriptor,)) for _ in range(processes)]
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            _wait_until_ready(address)
            yield address, [process.pid for process in running]
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(timeout=30)


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urlopen(f"{address}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    time.sleep(1.0)  # several processes share the socket: give each time to open its lanes
                    return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def cpu_s(pids: list[int]) -> float:
    """Processor time of processes so far, in seconds (Linux)."""
    return sum(_own_cpu_s(Path(f"/proc/{pid}")) for pid in pids)


def _tree_cpu_s(parent: int) -> float:
    total = _own_cpu_s(Path(f"/proc/{parent}"))
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _parent_of(folder) == parent:
            total += _own_cpu_s(folder)
    return total


def _stat(folder: Path) -> list[str]:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent_of(folder: Path) -> int:
    stat = _stat(folder)
    return int(stat[1]) if stat else 0


def _ended_children_cpu_s(folder: Path) -> float:
    stat = _stat(folder)
    return (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK") if stat else 0.0


def _own_cpu_s(folder: Path) -> float:
    stat = _stat(folder)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if stat else 0.0
