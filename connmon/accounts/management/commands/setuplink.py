"""`manage.py setuplink`: prints the one-time link with which the first member signs up."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.actions import issue_setup_token


class Command(BaseCommand):
    help = "Print the one-time setup link; prints nothing once there is a member."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where browsers reach connmon")

    def handle(self, *args: Any, **options: Any) -> None:
        token = issue_setup_token(now=timezone.now())
        if token:
            self.stdout.write(options["url"].rstrip("/") + reverse("first-member", args=[token]))
