"""Rewrites put on disk, and shown as diffs."""

import difflib
import io
from pathlib import Path

from migrator.model import Migration


class WriteRefused(ValueError):
    """A file that is not written; the message says why."""


def unified_diff(migration: Migration) -> str:
    """The change as `git diff` would show it, "" for none. Bytes that are no text are shown escaped."""
    before, after = lines_of(migration.original), lines_of(migration.migrated)
    lines = difflib.unified_diff(before, after, f"a/{migration.path}", f"b/{migration.path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def lines_of(text: bytes) -> list[str]:
    """Its lines with their ends. As for git, a newline alone ends one, and no form feed or Unicode separator."""
    return list(io.StringIO(text.decode("utf-8", "backslashreplace"), newline="\n"))


def write_migration(root: Path, migration: Migration) -> None:
    """Replaces a file at once and whole, its mode kept. Raises WriteRefused when it changed since it was read."""
    path = root / migration.path
    if path.is_symlink() or not path.resolve().is_relative_to(root.resolve()):
        raise WriteRefused(f"{path} is a symbolic link or leads out of {root}; it was left as it is.")
    try:
        if path.read_bytes() != migration.original:
            raise WriteRefused(f"{path} has changed since it was read; run this again.")
        spare = path.with_name(f".{path.name}.connmon")
        spare.write_bytes(migration.migrated)
        spare.chmod(path.stat().st_mode)
        spare.replace(path)
    except OSError as error:
        raise WriteRefused(f"{path} cannot be written: {error.strerror}.") from None
