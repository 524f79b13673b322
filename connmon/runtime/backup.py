"""A backup is one file: the database as pg_dump writes it, and the secret key that its encrypted values need.

A tar of three members. It is taken from the running database in one snapshot; nothing waits for it.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Final, NoReturn

import psycopg

from connmon.runtime.errors import StartError
from connmon.runtime.postgres import plain_environment, programs

FORMAT: Final = 1
ABOUT: Final = "about.json"
DUMP: Final = "database.dump"
KEY: Final = "secret_key"
MOST_ABOUT: Final = 1024 * 1024  # bytes
CHUNK: Final = 1024 * 1024  # bytes
PREAMBLE: Final = 40  # lines of a dump, among which are its settings
NEW_SETTING: Final = b"SET transaction_timeout = 0;"  # known to PostgreSQL 17 and later, and 0 there anyway
MIGRATIONS: Final = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"


class BackupError(StartError):
    """A backup cannot be made or restored; the message says what to do."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself. `migrations`: those applied, as `app.name`."""

    format: int
    connmon: str
    taken_at: str  # ISO 8601, UTC
    migrations: list[str]


def write(target: Path, *, url: str, secret_key: str, version: str, now: datetime) -> About:
    """Writes the database at `url` and the key to `target` (mode 0600), which must not exist. Raises BackupError."""
    if target.exists():
        raise BackupError(f"{target} exists; backups are never overwritten. Name another file.")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
        dump = Path(folder, DUMP)
        about = About(FORMAT, version, now.isoformat(), read_migrations(url))
        run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}", url)
        Path(folder, ABOUT).write_text(json.dumps(asdict(about), indent=2))
        Path(folder, KEY).write_text(secret_key)
        draft = Path(folder, "whole")
        with tarfile.open(draft, "w") as tar:
            for name in (ABOUT, KEY, DUMP):
                tar.add(Path(folder, name), arcname=name, filter=anonymous)
        draft.chmod(0o600)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.rename(target)
    return about


def restore(source: Path, *, url: str, known_migrations: Sequence[str]) -> tuple[About, str]:
    """Restores into the empty database at `url`, all or nothing. Raises BackupError.

    Returns what the backup says of itself, and its secret key.
    """
    with opened(source) as tar:
        about = read_about(tar)
        newer = sorted(set(about.migrations) - set(known_migrations))
        if newer:
            raise BackupError(
                f"{source} was made by connmon {about.connmon}, which is newer: this one does not know "
                f"{newer[0]}. Install connmon {about.connmon} or later and restore with it."
            )
        if not is_empty(url):
            raise BackupError(
                "The database holds tables already; a backup is restored into an empty one. "
                "Name a new data folder with CONNMON_DATA, or an empty database with DATABASE_URL."
            )
        key = member(tar, KEY).read().decode()
        load(member(tar, DUMP), url)
    return about, key


def anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the name of whoever made it."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info


@contextmanager
def opened(source: Path) -> Iterator[tarfile.TarFile]:
    """The backup's tar; whatever is wrong with it is a BackupError."""
    try:
        with tarfile.open(source, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{source} is no whole backup: {error}.") from error
    except OSError as error:
        raise BackupError(f"{source} cannot be read: {error.strerror}.") from error


def member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """A regular file of the backup, by its name alone: no path of a tar is ever followed."""
    found = [info for info in tar.getmembers() if info.name == name and info.isreg()]
    file = tar.extractfile(found[0]) if found else None
    if file is None:
        raise BackupError(f"It is no backup of connmon: {name} is missing.")
    return file


def read_about(tar: tarfile.TarFile) -> About:
    """What it says of itself."""
    try:
        about = About(**json.loads(member(tar, ABOUT).read(MOST_ABOUT)))
    except (ValueError, TypeError) as error:
        raise BackupError(f"It is no backup of connmon: {ABOUT} cannot be read.") from error
    if about.format != FORMAT:
        raise BackupError(f"It is a backup of format {about.format}; this connmon {FORMAT} reads format {FORMAT} only.")
    return about


def read_migrations(url: str) -> list[str]:
    """The migrations that are applied. Raises BackupError."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return [row[0] for row in connection.execute(MIGRATIONS).fetchall()]
    except psycopg.OperationalError as error:
        raise BackupError(
            f"The database cannot be reached; the embedded one runs while `manage.py up` does: {error}"
        ) from error
    except psycopg.errors.UndefinedTable as error:
        raise BackupError("The database holds nothing of connmon yet; there is nothing to back up.") from error


def is_empty(url: str) -> bool:
    """Whether no table stands in the database. Raises BackupError."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
            return row == (0,)
    except psycopg.OperationalError as error:
        raise BackupError(f"The database cannot be reached: {error}") from error


def run(program: str, *arguments: str) -> None:
    """Runs one of PostgreSQL's programs. Raises BackupError with what it said."""
    line = command(program, *arguments)
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, env=plain_environment(), check=False)
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")


def command(program: str, *arguments: str) -> list[str]:
    """The command line of one of PostgreSQL's programs."""
    return [str(programs() / "bin" / program), *arguments]


def load(dump: IO[bytes], url: str) -> None:
    """Runs the statements of a dump in one transaction. Raises BackupError.

    pg_restore writes them and psql runs them: pg_restore by itself sets NEW_SETTING, which older servers do not know.
    """
    statements = command("pg_restore", "--file=-", "--no-owner", "--no-privileges")
    runner = command("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-", url)
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(statements, stdin=pipe, stdout=pipe, stderr=said, env=plain_environment()) as source,
        subprocess.Popen(runner, stdin=pipe, stdout=subprocess.DEVNULL, stderr=said, env=plain_environment()) as sink,
    ):
        assert source.stdin is not None
        assert source.stdout is not None
        assert sink.stdin is not None
        feeder = Feeder(dump, source.stdin)
        feeder.start()
        try:
            if not pour(source.stdout, sink.stdin):
                sink.wait()
                raise_fault(said)
            feeder.join()
            if source.wait() or feeder.error:
                raise_fault(said, feeder.error)
            sink.stdin.close()  # psql commits at the end of its input
            if sink.wait():
                raise_fault(said)
        finally:
            for process in (sink, source):
                process.kill()
            with suppress(BrokenPipeError):
                sink.stdin.close()


class Feeder(threading.Thread):
    """Writes all of a file into a process, unless the process ends before: what it said tells why."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        super().__init__(name="feeder", daemon=True)
        self.source, self.sink = source, sink
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with suppress(BrokenPipeError), self.sink:
                shutil.copyfileobj(self.source, self.sink, CHUNK)
        except (OSError, tarfile.TarError) as error:
            self.error = error


def pour(source: IO[bytes], sink: IO[bytes]) -> bool:
    """All of a dump's statements but NEW_SETTING; False when their reader has ended before."""
    try:
        for line in islice(source, PREAMBLE):
            if line.strip() != NEW_SETTING:
                sink.write(line)
        shutil.copyfileobj(source, sink, CHUNK)
        sink.flush()
    except BrokenPipeError:
        return False
    return True


def raise_fault(said: IO[bytes], error: Exception | None = None) -> NoReturn:
    """With what PostgreSQL's programs have said."""
    said.seek(0)
    words = said.read().decode(errors="replace").strip()
    raise BackupError(f"The backup cannot be restored: {words or error}") from error
