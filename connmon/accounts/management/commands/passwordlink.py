"""`manage.py passwordlink EMAIL`: prints a one-time link with which an account's owner chooses a new password."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from connmon.accounts.console import find_user, who
from connmon.accounts.passwords import issue_by_command


class Command(BaseCommand):
    help = "Print a link that sets a new password, once, within a day. Whoever has it has the account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where browsers reach connmon")
        parser.add_argument(
            "--remove-second-factor", action="store_true", help="for somebody who lost their app and recovery codes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["email"])
        path = issue_by_command(user, second_factor_too=options["remove_second_factor"], now=timezone.now(), by=who())
        self.stdout.write(options["url"].rstrip("/") + path)
