"""`manage.py configuration`: look at it, change it, go back."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from connmon.accounts.console import find_game, who
from connmon.accounts.models import Game
from connmon.configuration.actions import change_configuration, roll_back
from connmon.configuration.models import Revision
from connmon.configuration.queries import current, list_revisions
from connmon.configuration.schema import SETTINGS
from connmon.core.errors import DomainError


class Command(BaseCommand):
    help = "Show, change or roll back a game's configuration; every change is a revision with author and reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--game", help="the game's slug; may be left out if there is only one")
        tasks = parser.add_subparsers(dest="task", required=True)
        tasks.add_parser("show", help="every setting as it holds")
        tasks.add_parser("history", help="every revision")
        setting = tasks.add_parser("set", help="for instance: set CONNECTION_POOLS.MAX_POOL_SIZE=60 --reason …")
        setting.add_argument("values", nargs="+", metavar="SECTION.NAME=VALUE", help="VALUE is JSON; null: the default")
        setting.add_argument("--service", help="for this service only")
        setting.add_argument("--reason", required=True)
        back = tasks.add_parser("rollback", help="a new revision with the values of an earlier one")
        back.add_argument("revision", type=int, help="0 is the defaults")
        back.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        game = find_game(options["game"])
        try:
            getattr(self, f"_{options['task']}")(game, options)
        except DomainError as error:
            raise CommandError(str(error)) from None

    def _show(self, game: Game, options: dict[str, Any]) -> None:
        configuration = current(game.pk)
        self.stdout.write(f"revision {configuration.revision}")
        for section, values in configuration.effective().items():
            self.stdout.write(section)
            for name, value in values.items():
                setting = SETTINGS[section][name]
                mark = "" if value == setting.default else f"   (default {json.dumps(setting.default)})"
                self.stdout.write(f"  {name} = {json.dumps(value)} {setting.unit}{mark}".rstrip())
        for service, own in configuration.overrides.services.items():
            self.stdout.write(f"{service}: {json.dumps(own)}")

    def _history(self, game: Game, options: dict[str, Any]) -> None:
        for revision in list_revisions(game.pk):
            self.stdout.write(f"{revision.number}  {revision.created_at:%Y-%m-%d %H:%M}  {revision.author}")
            self._tell(revision)

    def _set(self, game: Game, options: dict[str, Any]) -> None:
        patch: dict[str, dict[str, Any]] = {}
        for text in options["values"]:
            path, found, raw = text.partition("=")
            section, _, name = path.partition(".")
            if not found or not name:
                raise CommandError(f"Write SECTION.NAME=VALUE, not {text!r}.")
            patch.setdefault(section, {})[name] = _value(raw)
        of_service = {options["service"]: patch} if options["service"] else {}
        revision = change_configuration(
            game,
            settings={} if of_service else patch,
            services=of_service,
            reason=options["reason"],
            by=who(),
            now=timezone.now(),
        )
        self.stdout.write(f"revision {revision.number} holds; agents have it with their next reports")
        self._tell(revision)

    def _rollback(self, game: Game, options: dict[str, Any]) -> None:
        revision = roll_back(game, to=options["revision"], reason=options["reason"], by=who(), now=timezone.now())
        self.stdout.write(f"revision {revision.number} holds, with the values of revision {options['revision']}")
        self._tell(revision)

    def _tell(self, revision: Revision) -> None:
        self.stdout.write(f"   {revision.reason}")
        for one in revision.changes:
            whose = f"{one['service']}: " if one["service"] else ""
            before, after = json.dumps(one["before"]), json.dumps(one["after"])
            self.stdout.write(f"   {whose}{one['section']}.{one['setting']}: {before} -> {after}")


def _value(raw: str) -> Any:
    """JSON; a bare word is a text."""
    try:
        return json.loads(raw)
    except json.JSONDecodeError:
        return raw
