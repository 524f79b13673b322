"""Rewrites put on disk, and shown as diffs."""

from pathlib import Path, PurePath
from typing import Final

from migrator.diffs import diff_of
from migrator.model import Migration

HERE: Final = PurePath()


class WriteRefused(ValueError):
    """A file that is not written; the message says why."""


def patch_of(migration: Migration, under: PurePath = HERE) -> bytes:
    """The change as `git apply` takes it in the folder that `under` is relative to, b"" for none."""
    pieces = [(edit.span, edit.replacement) for edit in migration.edits]
    return diff_of((under / migration.path).as_posix(), migration.original, pieces)


def unified_diff(migration: Migration) -> str:
    """The same to be read: bytes that are no text are shown escaped."""
    return patch_of(migration).decode("utf-8", "backslashreplace")


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
