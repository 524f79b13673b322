"""Applies every migration to a new embedded database, then fails if the models have changed since."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from connmon.runtime import embedded  # noqa: E402  (the path comes first)


def main() -> int:
    """The exit code of the first command that failed, or 0."""
    with (
        TemporaryDirectory(prefix="connmon-migrations-") as folder,
        embedded.running(Path(folder) / "data", durable=False, say=lambda line: None) as servers,
    ):
        environment = os.environ | {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        environment |= {"CELERY_BROKER_URL": servers.celery_broker_url, "CONNMON_DATA": folder}
        for arguments in (["migrate", "-v0"], ["makemigrations", "--check", "--dry-run"]):
            done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=False)
            if done.returncode:
                return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
