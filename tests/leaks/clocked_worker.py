"""`celery worker` whose time stands in the file that CLOCK_FILE names. Run as a program by tests/leaks/replay.py."""

import os
from datetime import UTC, datetime
from pathlib import Path

from django.utils import timezone

from connmon.celery import app

OPTIONS = ["--quiet", "worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "ERROR"]


def now() -> datetime:
    """What the file says."""
    return datetime.fromtimestamp(float(Path(os.environ["CLOCK_FILE"]).read_text()), tz=UTC)


if __name__ == "__main__":
    timezone.now = now
    app.worker_main(OPTIONS)
