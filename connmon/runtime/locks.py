"""Locks that end with the process that holds them, however it ends."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connmon.runtime.errors import StartError


def try_lock(path: Path) -> int | None:
    """Take the lock file; its descriptor, or None while any process holds it.

    The lock belongs to the open file, not to us: a child that inherits the descriptor keeps it after our death.
    That is how a database that outlived its supervisor still keeps a second one off its folder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def folder_lock(path: Path, about: dict[str, Any]) -> Iterator[None]:
    """Hold the data folder for one supervisor. `about` is shown to whoever comes second.

    Raises StartError when it is held. No child inherits this lock, so it is free the moment the supervisor is gone.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        raise StartError(
            f"connmon already runs on {path.parent} ({describe_holder(path)}). "
            "Stop that one, or give this one a folder of its own with CONNMON_DATA."
        )
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(about).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def describe_holder(path: Path) -> str:
    """What the holder wrote about itself: `process 4711, http://127.0.0.1:8000`."""
    try:
        about = json.loads(path.read_text())
        return f"process {about['process']}, {about['what']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it is just starting or stopping"
