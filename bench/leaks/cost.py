"""`python -m bench.leaks.cost`: what a look costs at many sites and servers; the last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.peers.run import machine
from connmon.runtime import embedded

LOOKS: Final = 5


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.leaks.cost", description=__doc__)
    parser.add_argument("--servers", type=int, default=1_000)
    parser.add_argument("--full", action="store_true", help="10,000 servers: 500,000 series")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """A database of its own, then the measurement in a process that Django is set up in."""
    arguments = parse_arguments()
    servers = 10_000 if arguments.full else arguments.servers
    if arguments.inside:
        print(json.dumps(measure(servers)))
        return
    with TemporaryDirectory(prefix="connmon-bench-") as folder, embedded.running(Path(folder) / "data") as running:
        environment = os.environ | {
            "DATABASE_URL": running.database_url,
            "REDIS_URL": running.redis_url,
            "CELERY_BROKER_URL": running.celery_broker_url,
            "CONNMON_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "connmon.settings",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, env=environment)
        command = [sys.executable, "-m", "bench.leaks.cost", "--inside", "--servers", str(servers)]
        done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps({**figures, "machine": machine()}))


def measure(servers: int) -> dict[str, Any]:
    """Seconds of looks at a filled game."""
    import django

    django.setup()
    from django.utils import timezone

    from bench.leaks import filling
    from connmon.leaks import look
    from connmon.leaks.models import Leak

    now = timezone.now()
    game = filling.fill(servers, now=now)
    look.look_at(game.pk, now=now)  # makes the origins
    looks = []
    for number in range(1, LOOKS + 1):
        began = time.perf_counter()
        found = look.look_at(game.pk, now=now + timedelta(minutes=number))
        looks.append(time.perf_counter() - began)
    return {
        "series": servers * filling.SITES,
        "connections": filling.connections(servers),
        "look_s": round(sorted(looks)[LOOKS // 2], 2),
        "look_worst_s": round(max(looks), 2),
        "verdicts": found,
        "leaks": Leak.objects.count(),
    }


if __name__ == "__main__":
    main()
