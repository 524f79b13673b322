"""`manage.py endsessions EMAIL`: logs an account out everywhere; its open pages close within seconds."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from connmon.accounts.console import find_user, who
from connmon.accounts.sessions import end_by_command


class Command(BaseCommand):
    help = "End all sessions of an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["email"])
        ended = end_by_command(user, now=timezone.now(), by=who())
        self.stdout.write(f"{user.email}: sessions ended: {ended}.")
