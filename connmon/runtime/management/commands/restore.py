"""`manage.py restore FILE`: makes a backup's installation again, in a new data folder or an empty database."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.loader import MigrationLoader

from connmon.core import env
from connmon.runtime import backup, embedded, paths
from connmon.runtime.errors import StartError


class Command(BaseCommand):
    help = "Restore a backup into a new data folder (CONNMON_DATA) or an empty database (DATABASE_URL)."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="what manage.py backup has written")

    def handle(self, *args: Any, **options: Any) -> None:
        known = [f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations]
        try:
            with database() as url:
                about, key = backup.restore(options["file"], url=url, known_migrations=known)
        except StartError as error:
            raise CommandError(str(error)) from error
        self.keep(key)
        self.stdout.write(
            f"Restored what connmon {about.connmon} had at {about.taken_at}. Start it: manage.py up. "
            "Game servers report on where they stand; what they said since then comes with their next snapshot."
        )

    def keep(self, key: str) -> None:
        """The secret key goes where it is read from: the data folder, or the environment."""
        if env.text("SECRET_KEY"):
            if key != settings.SECRET_KEY:
                self.stderr.write(
                    "SECRET_KEY differs from the backup's: set it to the old one, or add that to "
                    "SECRET_KEY_FALLBACKS; else sessions end and destinations' secrets are lost."
                )
            return
        path = paths.data_folder() / "secret_key"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(key + "\n")


@contextmanager
def database() -> Iterator[str]:
    """The database to restore into; the embedded one runs for the length of the block."""
    if paths.has_external_database():
        yield paths.database_url()
        return
    with embedded.running(paths.data_folder()) as servers:
        yield servers.database_url
