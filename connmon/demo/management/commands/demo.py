"""`manage.py demo`: feeds the Demo game until it is stopped, or removed."""

import os
import signal
import threading
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from connmon.core import env
from connmon.demo.actions import demo_key
from connmon.demo.feeder import Feeder, FeederOptions

DEFAULT_URL = "http://127.0.0.1:8000"


class Command(BaseCommand):
    help = "Runs the Demo game's servers: Luau VMs with the agent that report to this connmon."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--servers", type=int, default=12, help="how many game servers (12)")
        parser.add_argument("--url", default=None, help=f"of connmon; else CONNMON_URL, else {DEFAULT_URL}")
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between reports (2)")
        parser.add_argument("--once-ready", action="store_true", help="end when every server has reported once")

    def handle(self, *args: Any, **options: Any) -> None:
        key = demo_key(now=datetime.now(UTC))
        if key is None:
            self.stderr.write("The Demo game was removed; nothing to feed.")
            return
        # The VMs' library writes on descriptor 1 whenever one ends, and fails if nobody reads it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        url = options["url"] or env.text("CONNMON_URL", DEFAULT_URL)
        feeder = Feeder(
            FeederOptions(url=url, key=key, servers=max(1, options["servers"]), interval=options["interval"]), time.time
        )
        self._run(feeder, stop, once_ready=options["once_ready"])

    def _run(self, feeder: Feeder, stop: threading.Event, *, once_ready: bool) -> None:
        while not stop.is_set():
            wait = feeder.step()
            if feeder.removed:
                self.stderr.write("The key is refused: the Demo game was removed.")
                break
            if once_ready and feeder.ready:
                break
            stop.wait(wait)
        feeder.close(time.sleep)
