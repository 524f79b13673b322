"""`manage.py sweep`: a stale sweep now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from connmon.accounts.console import find_game, who
from connmon.cleanup.sweep import sweep_now
from connmon.registry.sweep import drop_leftovers


class Command(BaseCommand):
    help = "Sweep a game now: silent servers, and stale connections of those that report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--game", help="the game's slug; may be left out if there is only one")

    def handle(self, *args: Any, **options: Any) -> None:
        found = sweep_now(find_game(options["game"]), by=who(), now=timezone.now())
        if found.skipped:
            raise CommandError(f"Nothing was swept. {found.skipped}")
        self.stdout.write(
            f"{found.lost:,} servers lost, {found.returned:,} back, {found.gone:,} ended; "
            f"{found.stale:,} stale connections" + (f", ordered cleaned by plan {found.plan.pk}" if found.plan else "")
        )
        dropped = 0
        while (batch := drop_leftovers()) is not None:
            dropped += batch
            self.stdout.write(f"dropped {dropped:,} connections of ended servers")
