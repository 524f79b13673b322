"""`manage.py backup [FILE]`: one file that `manage.py restore` makes everything of again."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from connmon import __version__
from connmon.runtime import backup, paths


class Command(BaseCommand):
    help = "Back up the running database and the secret key into one file."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="default: backups/connmon-<time>.tar in the data folder")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        target = options["file"] or paths.data_folder() / "backups" / f"connmon-{now:%Y%m%d-%H%M%S}.tar"
        try:
            backup.write(
                target, url=settings.DATABASE_URL, secret_key=settings.SECRET_KEY, version=__version__, now=now
            )
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        megabytes = target.stat().st_size / 1e6
        self.stdout.write(f"{target}: {megabytes:.1f} MB. It holds the secret key; keep it as you keep a password.")
