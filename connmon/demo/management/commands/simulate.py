"""`manage.py simulate`: many simulated game servers that report to a connmon, with leaks of any kind planted."""

import asyncio
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from connmon.core import env
from simulation import KINDS, Fleet, FleetOptions, Planted, read_leak
from simulation.link import Refusal
from simulation.run import Ending, Progress, run

DEFAULT_URL: Final = "http://127.0.0.1:8000"
MOST_SERVERS: Final = 2_000  # of one process


class Command(BaseCommand):
    help = "Runs simulated game servers that report to a connmon over HTTP and WebSockets. Ctrl-C ends them."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--list", action="store_true", help="list the kinds of leak and end")
        add("--servers", type=number(1, MOST_SERVERS, int), default=40, help="how many (40)")
        add("--leak", type=leak, action="append", default=[], metavar="KIND[:SERVICE]", help="plant one; repeatable")
        add("--seed", type=int, default=1, help="the same seed, the same world (1)")
        add("--url", default=None, help=f"of connmon; else CONNMON_URL, else {DEFAULT_URL}")
        add("--key", default=None, help="a key with the scope report; else CONNMON_KEY")
        add("--speed", type=number(0.1, 100), default=1.0, help="how fast the world's time passes (1)")
        add("--interval", type=number(1, 300), default=None, help="seconds between reports; else as connmon wants it")
        add("--duration", type=number(1, 1e7), default=None, help="seconds until it ends; else when it is stopped")
        add("--age", type=number(0, 3_600), default=600.0, help="seconds the servers have been running before (600)")
        add("--no-sockets", action="store_true", help="all over HTTP; else every fourth server over a WebSocket")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self.stdout.write(list_of_kinds())
            return
        wanted = FleetOptions(
            url=options["url"] or env.text("CONNMON_URL", DEFAULT_URL),
            key=options["key"] or env.text("CONNMON_KEY"),
            servers=options["servers"],
            leaks=tuple(dict.fromkeys(options["leak"])),
            seed=options["seed"],
            speed=options["speed"],
            interval=options["interval"],
            age=options["age"],
            sockets=not options["no_sockets"],
        )
        if not wanted.key:
            raise CommandError(
                "A report key is missing: make one on the game's Setup page, "
                "and give it with --key or in the environment as CONNMON_KEY."
            )
        asyncio.run(self._simulate(wanted, options["duration"]))

    async def _simulate(self, options: FleetOptions, duration: float | None) -> None:
        progress = Progress(self._write, live=self.stdout.isatty())
        try:
            fleet = Fleet(options, log=progress.say)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if await run(fleet, progress, duration) is Ending.KEY_REFUSED:
            raise CommandError(explain(options.url, fleet.link.refusal))

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()


def explain(url: str, refusal: Refusal | None) -> str:
    """Why a key is refused, and what to do."""
    said = f"{refusal.status} {refusal.code}: {refusal.detail}" if refusal else "no reason"
    return f"{url} refuses the key ({said}). Make a key with the scope report on the game's Setup page."


def list_of_kinds() -> str:
    """The kinds of leak, one a line."""
    rows = [(name, kind.service, str(kind.shows), kind.says) for name, kind in KINDS.items()]
    rows.insert(0, ("KIND", "SERVICE", "SHOWS AS", "WHAT GOES WRONG"))
    return "\n".join(f"{name:14}{service:24}{shows:10}{says}" for name, service, shows, says in rows)


def leak(text: str) -> Planted:
    """An argument KIND[:SERVICE]."""
    try:
        return read_leak(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error} (--list says more)") from error


def number(low: float, high: float, kind: type[int] | type[float] = float) -> Callable[[str], float]:
    """An argument that takes a number from `low` to `high`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:  # so written, nan is refused
            raise ArgumentTypeError(f"takes {'a whole number' if kind is int else 'a number'} from {low:g} to {high:g}")
        return value

    return read
