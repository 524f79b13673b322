"""PostgreSQL and Redis as somebody else runs them: with passwords, over TCP on free ports of this machine."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

import psycopg
import redis

from connmon.runtime import accounts, processes
from tests.external.debian import Program

PASSWORD: Final = "only for this test"
QUOTED: Final = "only%20for%20this%20test"
PATIENCE: Final = 60.0  # seconds


class Child:
    """A server that is our child, on a port of its own; it ends with us."""

    signal_of_stop: signal.Signals = signal.SIGTERM

    def __init__(self, folder: Path, program: Program) -> None:
        self.folder = folder
        self.program = program
        self.port = free_port()
        self.account = accounts.account_for_database(folder, lambda line: None)
        folder.mkdir()
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)
            accounts.open_way(folder, self.account, lambda line: None)
            accounts.open_way(program.path, self.account, lambda line: None)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Starts a program of the server."""
        uid, gid = (self.account.uid, self.account.gid) if self.account else (-1, -1)
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            return subprocess.Popen(
                processes.launch_command(command, death_signal=signal.SIGKILL, uid=uid, gid=gid),
                env={"PATH": os.defpath, "LC_ALL": "C", **self.program.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        """Returns when it answers."""
        self.process = self.launch(self.command())
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.process.poll() is None, f"{self.program.path} ended"
            assert time.monotonic() < deadline, f"{self.program.path} does not answer"
            time.sleep(0.05)

    def end(self, number: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Cleanly."""
        self.end(self.signal_of_stop)

    def kill(self) -> None:
        """As a crash would end it."""
        self.end(signal.SIGKILL)


class Postgres(Child):
    """PostgreSQL 15 with a database for connmon."""

    signal_of_stop = signal.SIGINT

    def __init__(self, folder: Path, program: Program) -> None:
        super().__init__(folder, program)
        self.url = self.url_of("connmon")
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        command = [
            str(program.beside("initdb").path),
            "-D",
            str(folder / "data"),
            "-U",
            "connmon",
            "--auth=scram-sha-256",
        ]
        command += [f"--pwfile={password}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        assert self.launch(command).wait(PATIENCE) == 0

    def command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",  # kill -9 of the server loses nothing by it, and no test cuts the power
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [str(self.program.path), "-D", str(self.folder / "data"), *words]

    def answers(self) -> bool:
        try:
            self.ask("postgres", "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        super().start()
        if self.ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'connmon'") == 0:
            self.ask("postgres", "CREATE DATABASE connmon")

    def url_of(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://connmon:{QUOTED}@127.0.0.1:{self.port}/{database}"

    def ask(self, database: str, query: str) -> object:
        """The first value of the first row, or None."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None


class Redis(Child):
    """Redis 7 that keeps what it is told, and throws nothing away."""

    def __init__(self, folder: Path, program: Program) -> None:
        super().__init__(folder, program)
        self.url = f"redis://:{QUOTED}@127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": PASSWORD,
            "appendonly": "yes",
            "save": "",
            "dir": str(self.folder),
        }
        return [str(self.program.path), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def client(self) -> redis.Redis:
        """A connection of our own; close it."""
        return redis.Redis.from_url(self.url)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
