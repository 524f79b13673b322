"""`manage.py demo`: runs the Demo game's servers until it is stopped, or the game removed."""

import asyncio
import random
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand

from connmon.core import env
from connmon.demo.actions import demo_key
from connmon.demo.management.commands.simulate import DEFAULT_URL, MOST_SERVERS, number
from simulation import Fleet, FleetOptions, read_leak
from simulation.run import Ending, Progress, run

LEAKS: Final = ("leave:CombatService", "trove:TradeService")  # one that shows at once, and a slower one
AGE: Final = 300.0  # seconds: those who have left leaking in that time are orphaned in the first report


class Command(BaseCommand):
    help = "Runs the Demo game's servers, which are simulated and report to this connmon."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--servers", type=number(1, MOST_SERVERS, int), default=40, help="how many (40)")
        parser.add_argument("--url", default=None, help=f"of connmon; else CONNMON_URL, else {DEFAULT_URL}")

    def handle(self, *args: Any, **options: Any) -> None:
        key = demo_key(now=datetime.now(UTC))
        if key is None:
            self.stderr.write("The Demo game was removed; it needs no servers.")
            return
        wanted = FleetOptions(
            url=options["url"] or env.text("CONNMON_URL", DEFAULT_URL),
            key=key,
            servers=options["servers"],
            leaks=tuple(map(read_leak, LEAKS)),
            seed=random.SystemRandom().randrange(2**31),
            age=AGE,
        )
        asyncio.run(self._run(wanted))

    async def _run(self, options: FleetOptions) -> None:
        progress = Progress(lambda text: self.stderr.write(text, ending=""), quiet=True)
        if await run(Fleet(options), progress) is Ending.KEY_REFUSED:
            self.stderr.write("The key is refused: the Demo game was removed.")
