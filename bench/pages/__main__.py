"""`python -m bench.pages`: prints one JSON object as its last line."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from bench.pages import fanout, lighthouse, lists, pixel, weight
from bench.pages.reports import reporting
from bench.pages.stage import SLUG, Stage, stage
from bench.peers.run import machine

RATE: Final = 200.0  # reports a second while something is measured under load
FULL_MINUTES: Final = 30.0
PARTS: Final = ("lists", "queries", "loads", "pixel", "heap", "fanout", "lighthouse")
BROWSERS: Final = 500
COUNT: Final = f"from bench.pages.inside import print_counts; print_counts({SLUG!r})"


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--connections", type=int, default=1_000_000, help="registered, over 1,000 servers (1,000,000)")
    parser.add_argument("--minutes", type=float, default=5.0, help="that the heap of an open overview is watched (5)")
    parser.add_argument("--full", action="store_true", help=f"watch the heap for {FULL_MINUTES:.0f} minutes")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    return parser.parse_args()


def measure(on: Stage, parts: list[str], *, minutes: float) -> dict[str, Any]:
    """The figures of these parts, quiet ones first; each is printed as it comes."""
    figures: dict[str, Any] = {**on.sizes}
    quiet: dict[str, Callable[[], dict[str, Any]]] = {
        "lists": lambda: measure_lists(on),
        "queries": lambda: count_queries(on),
        "loads": lambda: weight.measure_loads(on),
        "lighthouse": lambda: {"lighthouse": lighthouse.measure(on)},
        "fanout": lambda: measure_fanout(on),
    }
    for part in (part for part in quiet if part in parts):
        figures |= told(part, quiet[part]())
    if {"pixel", "heap"} & set(parts):
        figures |= measure_under_load(on, parts, minutes=minutes)
    return figures


def told(part: str, figures: dict[str, Any]) -> dict[str, Any]:
    print(f"{part}: {json.dumps(figures)}", flush=True)
    return figures


def measure_lists(on: Stage) -> dict[str, Any]:
    """By table, and of the search over everything."""
    tables = lists.measure(on)
    p95 = {name: one["p95_ms"] for name, one in tables.items()}
    return {"list_p95_ms": p95, "search_p95_ms": lists.measure_search(on), "lists": tables}


def measure_fanout(on: Stage) -> dict[str, Any]:
    """To BROWSERS sockets; for an hour nobody falls silent, though nobody else reports."""
    on.query("UPDATE registry_serverstate SET due_at = now() + interval '1 hour'")
    return fanout.measure(on, browsers=BROWSERS)


def count_queries(on: Stage) -> dict[str, Any]:
    """Of every page of a game, as the member asks for it."""
    counts = json.loads(on.connmon.run("shell", "--no-imports", "-c", COUNT).splitlines()[-1])
    most = max(counts, key=lambda name: counts[name])
    return {"page_queries_max": counts[most], "page_queries_max_on": most, "page_queries": counts}


def measure_under_load(on: Stage, parts: list[str], *, minutes: float) -> dict[str, Any]:
    """While RATE reports a second come in."""
    figures: dict[str, Any] = {}
    with reporting(on.address, on.key, rate=RATE, first_seq=on.first_seq) as load:
        if "pixel" in parts:
            figures |= told("pixel", pixel.measure(on))
        if "heap" in parts:
            figures |= told("heap", weight.measure_heap(on, minutes=minutes))
    return figures | {"load": load}


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended then too
    before = machine()
    with stage(connections=arguments.connections) as on:
        minutes = FULL_MINUTES if arguments.full else arguments.minutes
        figures = measure(on, arguments.only, minutes=minutes)
    print(json.dumps(figures | {"machine": before}))


if __name__ == "__main__":
    main()
