"""`manage.py reseal`: after SECRET_KEY has changed, its fallback can then be dropped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connmon.alerts.destinations import reseal_destinations


class Command(BaseCommand):
    """Seals what destinations keep secret with the newest key."""

    help = "Seal addresses and secrets of alert destinations with the SECRET_KEY of now; then its fallbacks can go."

    def handle(self, *args: Any, **options: Any) -> None:
        sealed, unreadable = reseal_destinations()
        self.stdout.write(f"Destinations sealed anew: {sealed}.")
        if unreadable:
            raise CommandError(
                f"{unreadable} could not be read and stay as they are. Name the key that they were sealed with in "
                "SECRET_KEY_FALLBACKS and run this again, or give their addresses and secrets anew."
            )
