"""`python -m bench.sweep`: prints one JSON object as its last line."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import mean
from typing import Any

from bench.ingest.site import Database, database, web
from bench.ingest.workloads import QUIET, script
from bench.loader import LoadResult, run_wrk
from bench.peers.run import machine

ROUNDS = 2
CONNECTIONS = 8  # reports in flight: enough to be busy, few enough that p99 is not the length of the queue


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], help="connections registered")
    parser.add_argument("--full", action="store_true", help="1,000,000 and 5,000,000 connections")
    parser.add_argument("--seconds", type=int, default=4, help="of load, each time (4)")
    return parser.parse_args()


def measure(size: int, *, seconds: int) -> dict[str, Any]:
    """All figures at one size."""
    with database(connections=size) as base:
        done = subprocess.run(
            [sys.executable, "-m", "bench.sweep.measure"],
            env=_environment(base),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        figures |= measure_ingest(base, seconds=seconds)
    print(f"{size:,} connections: {figures}", flush=True)
    return figures


def measure_ingest(base: Database, *, seconds: int) -> dict[str, Any]:
    """p99 of quiet reports without sweeps, with one every second, and with sweeps that follow each other at once.

    With and without in turn, ROUNDS times, and the means of both: what runs first would find colder caches.
    """
    without, each_second, told = [], [], {"sweeps": 0, "ordered": 0}
    with web(base, processes=1) as (address, _):
        last = _load(base, address, (1, 0), seconds=3)
        for _ in range(ROUNDS):
            without.append(_load(base, address, last.next_turn, seconds=seconds))
            last, swept = _load_while_sweeping(base, address, without[-1].next_turn, seconds=seconds, pause=1.0)
            each_second.append(last)
            told = {name: told[name] + swept[name] for name in told}
        without_pause, told_without = _load_while_sweeping(base, address, last.next_turn, seconds=seconds, pause=0.0)
    before, during = (mean(load.p99_ms for load in loads) for loads in (without, each_second))
    return {
        "ingest_p99_before_ms": round(before, 1),
        "ingest_p99_during_ms": round(during, 1),
        "ingest_p99_ratio": round(during / before, 2),
        "ingest_p99_without_pause_ms": round(without_pause.p99_ms, 1),
        "ingest_per_s_before": round(mean(load.requests_per_s for load in without)),
        "ingest_per_s_during": round(mean(load.requests_per_s for load in each_second)),
        "ingest_per_s_without_pause": round(without_pause.requests_per_s),
        "sweeps_during": told,
        "sweeps_without_pause": told_without,
    }


def _load_while_sweeping(
    base: Database, address: str, turn: tuple[int, int], *, seconds: int, pause: float
) -> tuple[LoadResult, dict[str, int]]:
    command = [sys.executable, "-m", "bench.sweep.measure", "--sweep-on", str(pause)]
    with subprocess.Popen(
        command, env=_environment(base), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sweeping:
        assert sweeping.stdin
        assert sweeping.stdout
        sweeping.stdout.readline()
        sweeping.stdin.write(f"{seconds}\n")
        sweeping.stdin.flush()
        loaded = _load(base, address, turn, seconds=seconds)
        told = json.loads(sweeping.stdout.readline())
    return loaded, told


def _load(base: Database, address: str, turn: tuple[int, int], *, seconds: int) -> LoadResult:
    headers = {"Authorization": f"Bearer {base.key}"}
    load = script(QUIET).starting_at(*turn)
    loaded = run_wrk(address, load, seconds=seconds, connections=CONNECTIONS, headers=headers)
    assert loaded.clean, loaded
    return loaded


def _environment(base: Database) -> dict[str, str]:
    return base.environment | {"DJANGO_SETTINGS_MODULE": "connmon.settings"}


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    sizes = [1_000_000, 5_000_000] if arguments.full else arguments.sizes
    figures = {size: measure(size, seconds=arguments.seconds) for size in sizes}
    largest = figures[max(sizes)]
    print(json.dumps({**largest, "by_size": figures, "machine": machine()}))


if __name__ == "__main__":
    main()
