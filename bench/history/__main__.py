"""`python -m bench.history`: prints one JSON object as its last line."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.peers.run import machine
from connmon.runtime import embedded

SERIES = 500_000


def measure(series: int, services: int, *, ticks_only: bool = False) -> dict[str, Any]:
    """All figures of one shape of fleet, on a durable embedded database of its own; or no more than its ticks."""
    with TemporaryDirectory(prefix="connmon-bench-") as folder, embedded.running(Path(folder) / "data") as servers:
        environment = os.environ | {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "CELERY_BROKER_URL": servers.celery_broker_url,
            "CONNMON_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "connmon.settings",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, env=environment)
        command = [sys.executable, "-m", "bench.history.measure", "--series", str(series), "--services", str(services)]
        command += ["--ticks-only"] if ticks_only else []
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{services} services a server: {figures}", flush=True)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--series", type=int, default=SERIES, help=f"services of servers ({SERIES:,})")
    parser.add_argument("--services", type=int, nargs="+", default=[50], help="services of each server (50)")
    parser.add_argument("--ticks-only", action="store_true", help="ticks, their rollup and bytes; no charts")
    arguments = parser.parse_args()
    shapes = {
        services: measure(arguments.series, services, ticks_only=arguments.ticks_only)
        for services in arguments.services
    }
    first = shapes[arguments.services[0]]
    print(json.dumps({**first, "by_services": shapes, "machine": machine()}))


if __name__ == "__main__":
    main()
