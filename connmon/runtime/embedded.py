"""Both embedded servers for a plain Python process: tests, benches, notebooks. No Django.

Example: `with running(folder, durable=False) as servers: psycopg.connect(servers.database_url)`.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connmon.runtime import locks, paths, processes, servers
from connmon.runtime.accounts import Say
from connmon.runtime.errors import StartError
from connmon.runtime.postgres import Postgres, plain_environment
from connmon.runtime.servers import Server
from connmon.runtime.valkey import Valkey

STOP_PATIENCE = 60.0  # seconds for a clean end
KILL_PATIENCE = 5.0  # seconds
LOG_TAIL = 2000  # characters of a server's log that an error shows


@dataclass(frozen=True, slots=True)
class Embedded:
    """The addresses of the running servers."""

    database_url: str  # libpq URL over a unix socket
    redis_url: str  # unix:///…?db=0
    celery_broker_url: str  # redis+socket:///…?virtual_host=0


def to_stderr(line: str) -> None:
    """Where progress goes unless told otherwise."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def running(folder: Path, *, durable: bool = True, say: Say = to_stderr) -> Iterator[Embedded]:
    """Run PostgreSQL and Valkey on a data folder for the length of the block.

    `durable=False` is for unit tests: nothing is flushed to disk, so a crash loses the folder.
    Raises StartError when the folder is in use or a server ends instead of starting. The servers end with this
    process, also when it is killed (on Linux, and if this is entered in the main thread).
    """
    data = folder.expanduser().resolve()
    paths.make_data_folder(data)
    about = {"process": os.getpid(), "what": "embedded servers for tests or benches"}
    with locks.folder_lock(data / "supervisor.lock", about), ExitStack() as stack:
        both: tuple[Server, Server] = (Postgres(data, durable), Valkey(data, durable))
        started = [(server, start(server, data, say, stack)) for server in both]
        for server, process in started:
            wait_for(server, process, data, say)
        yield Embedded(
            paths.embedded_database_url(data),
            paths.embedded_redis_url(data),
            paths.embedded_broker_url(data),
        )


def start(server: Server, data: Path, say: Say, stack: ExitStack) -> subprocess.Popen[bytes]:
    """Start one server; the stack stops it."""
    lock = servers.claim(server, say, threading.Event())
    try:
        account = server.prepare(say, lock)
        # Linux ties the death signal to the thread that started the child, not to the process.
        in_main = threading.current_thread() is threading.main_thread()
        command = processes.launch_command(
            server.command(),
            death_signal=server.stop_signal if in_main else 0,
            uid=account.uid if account else -1,
            gid=account.gid if account else -1,
        )
        with log_file(server, data).open("wb") as log:
            log_file(server, data).chmod(0o600)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=server.folder,
                env=plain_environment(),
                pass_fds=(lock,),
                start_new_session=True,
            )
    finally:
        os.close(lock)
    stack.callback(stop, server, process)
    return process


def wait_for(server: Server, process: subprocess.Popen[bytes], data: Path, say: Say) -> None:
    """Return when the server is ready. Raises StartError with the end of its log when it ended instead."""
    alive = servers.await_ready(server, process.pid, lambda: process.poll() is None, say, threading.Event())
    if not alive:
        tail = log_file(server, data).read_text(errors="replace")[-LOG_TAIL:].strip()
        raise StartError(f"{server.name} ended with code {process.returncode} instead of starting:\n{tail}")


def stop(server: Server, process: subprocess.Popen[bytes]) -> None:
    """End the server: cleanly, else in a hurry, else by force."""
    steps = (
        (server.stop_signal, STOP_PATIENCE),
        (server.hurry_signal, KILL_PATIENCE),
    )
    for number, patience in steps:
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
    if process.poll() is None:
        process.kill()
        process.wait()


def log_file(server: Server, data: Path) -> Path:
    """Where the server's own lines go."""
    return data / f"{server.name}.log"
