"""States of an upload, and what is taken of one."""

from enum import StrEnum
from typing import Final

from migrator.files import Bounds

MAX_ARCHIVE: Final = 16 * 2**20  # bytes as they arrive; the source of a large game packs to two or three
BOUNDS: Final = Bounds(files=5_000, archive_bytes=MAX_ARCHIVE, total_bytes=48 * 2**20)
MAX_VERSION: Final = 2**53 - 1  # of a place; JSON's safe numbers


class UploadState(StrEnum):
    """How far an upload is; values are stored."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # `reason` says why
