"""What the backups in tests/runtime/data hold. `python -m tests.runtime.release FILE` writes another, of this connmon.

Run in the tree of each release, before its first change of the schema. A bit of everything, through the actions and
edges that people and games use: what only a migration could break has to be there.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connmon.runtime import embedded

if TYPE_CHECKING:  # at run time only once Django is set up
    from connmon.accounts.models import Game
    from tests.machine import Machine, Site

ROOT: Final = Path(__file__).parents[2]
BACKUPS: Final = sorted((Path(__file__).parent / "data").glob("*.tar"))
EMAIL: Final = "owner@example.com"
PASSWORD: Final = "a-password-of-before"
GAME: Final = "Dungeon"
SLUG: Final = "dungeon"
KEY_ID: Final = "upgraded22"
KEY: Final = f"cm_{KEY_ID}_{'k' * 40}"
WEBHOOK: Final = "https://hooks.example.com/a-path-of-before"
WEBHOOK_SECRET: Final = "a-secret-of-before"
SERVERS: Final = 3
CONNECTIONS: Final = 5  # that each server holds
LAST_SEQ: Final = 4  # of each server
POOL_SIZE: Final = 12  # MAX_POOL_SIZE_PER_TYPE as it was changed
REASON: Final = "Memory climbs"
NEXT_STEP: Final = timedelta(seconds=11)  # past the hold of a plan


@contextmanager
def new_installation() -> Iterator[Path]:
    """Servers, schema and settings of a new installation; Django is set up for it."""
    with tempfile.TemporaryDirectory(prefix="cm-release-", dir="/tmp") as name:
        data = Path(name, "data")
        os.environ |= {"DJANGO_SETTINGS_MODULE": "connmon.settings", "CONNMON_DATA": str(data)}
        with embedded.running(data):
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
            import django

            django.setup()
            yield data


def make_game() -> "Game":
    """A game with an owner, a key that is known, a destination and a rule for alerts, a changed configuration."""
    from connmon.accounts import actions as accounts
    from connmon.accounts.audit import Actor
    from connmon.accounts.models import ApiKey
    from connmon.alerts.actions import RuleSpec, create_rule
    from connmon.alerts.destinations import DestinationSpec, create_destination
    from connmon.configuration.actions import change_configuration
    from connmon.core import ids

    now = datetime.now(UTC)
    token = accounts.issue_setup_token(now=now)
    assert token
    owner = accounts.create_first_member(token=token, email=EMAIL, password=PASSWORD, now=now)
    game = accounts.create_game(name=GAME, owner=owner, now=now)
    issued = accounts.issue_key(game, name="Servers", scopes=("report", "read"), expires_at=None, now=now)
    ApiKey.objects.filter(pk=issued.id).update(id=KEY_ID, digest=ids.digest("k" * 40))
    by = Actor.of_user(owner)
    create_destination(game, DestinationSpec("Chat", "webhook", WEBHOOK, WEBHOOK_SECRET), by=by, now=now)
    create_rule(game, RuleSpec("Many live", "threshold", 1.0, series="live"), by=by, now=now)
    pool = {"CONNECTION_MANAGEMENT": {"MAX_POOL_SIZE_PER_TYPE": POOL_SIZE}}
    change_configuration(game, settings=pool, services={}, reason=REASON, by=by, now=now)
    return game


def report(site: "Site", game: "Game") -> "list[Machine]":
    """Servers that report, each with connections of two services, one of them orphaned, and a pool."""
    from tests.machine import Machine, opened, pool, service

    servers = [Machine(site, KEY, game.pk, f"server-{number}") for number in range(1, SERVERS + 1)]  # type: ignore[arg-type]
    for server in servers:
        server.send_first(
            opened=[opened(number) for number in range(1, CONNECTIONS)]
            + [opened(CONNECTIONS, service="LobbyService", state="orphaned")],
            services=[service(), service("LobbyService", live=1, orphaned=1)],
            pools=[pool()],
        )
        while server.seq < LAST_SEQ:
            answer = server.send()
            assert answer.status == 200, answer
    return servers


def run_jobs(game: "Game") -> None:
    """What Celery does: samples, verdicts, alarms; and a plan on its way, with its orders."""
    from django.utils import timezone

    from connmon import tasks
    from connmon.accounts.audit import Actor
    from connmon.cleanup import actions, steps
    from connmon.cleanup.scope import Scope

    for name in ("drop_old_samples", "make_samples", "make_minute_samples", "roll_up_history", "look_for_leaks"):
        if hasattr(tasks, name):
            getattr(tasks, name)()
    tasks.evaluate_alerts()
    by, now = Actor.of_job("release"), timezone.now()
    plan = actions.make_plan(game, Scope(), reason=REASON, by=by, now=now)
    actions.execute_plan(game, plan.pk, by=by, now=now)
    while steps.step(now=now + NEXT_STEP):
        pass


def main(target: Path) -> None:
    """Writes the backup."""
    with new_installation() as data:
        from django.conf import settings

        from connmon import __version__
        from connmon.asgi import application
        from connmon.runtime import backup
        from tests.machine import serving

        game = make_game()
        with serving(application) as site:
            report(site, game)
        run_jobs(game)
        key = (data / "secret_key").read_text().strip()
        backup.write(target, url=settings.DATABASE_URL, secret_key=key, version=__version__, now=datetime.now(UTC))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
