"""Measures both agents and prints the figures; the last line is one JSON object.

python -m bench.agent [--without-peers]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from bench.agent import peers, pools, python_agent
from bench.agent.idle import idle_frame_us
from bench.agent.vm import BenchVM

NAMES = ("connmon", "trove", "janitor", "maid")
BY_NAME = ("janitor", "maid")  # Trove keeps nothing by name


def peer_sources() -> dict[str, bytes]:
    """The Luau sources by class name. Raises PeersError."""
    cache = peers.cache_folder()
    return {name: peers.source(peer, cache) for name, peer in peers.PEERS.items()}


def registry_figures(sources: dict[str, bytes]) -> dict[str, Any]:
    """Adding, cleaning, removing and memory."""
    bench = BenchVM()
    figures = bench.run("registry.luau", bench.load_peers(sources))
    cost = figures["add_clean"]
    best_peer = min((cost[name] for name in NAMES[1:] if name in cost), default=None)
    return {
        "add_clean_ns": {name: round(cost[name]) for name in NAMES if name in cost},
        "add_clean_by_name_ns": {name: round(cost[f"{name}_by_name"]) for name in BY_NAME if f"{name}_by_name" in cost},
        "raw_connect_ns": round(cost["raw"]),
        "add_clean_to_best_peer": round(cost["connmon"] / best_peer, 2) if best_peer else None,
        "remove_one_ns": {"100": round(figures["remove"][0]), "10000": round(figures["remove"][1])},
        "remove_10000_to_100": round(figures["remove"][1] / figures["remove"][0], 2),
        "bytes_per_connection": round(figures["bytes"]),
    }


def measure(sources: dict[str, bytes]) -> dict[str, Any]:
    """Everything, by the names of the last line."""
    result = registry_figures(sources)
    report_us, busy_us = BenchVM().run("report.luau")
    result["report_build_us"] = round(report_us, 1)
    result["busy_report_us"] = round(busy_us, 1)
    result["reporter_overhead_per_frame_us"] = {str(n): round(idle_frame_us(n), 2) for n in (1_000, 40_000)}
    result["pool"] = pools.figures()
    python_ns = python_agent.add_clean_ns()
    result["python_add_clean_ns"] = round(python_ns) if python_ns is not None else None
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the agents inside a game server.")
    parser.add_argument("--without-peers", action="store_true", help="leave Trove, Janitor and Maid out")
    without: bool = parser.parse_args().without_peers
    try:
        sources = {} if without else peer_sources()
    except peers.PeersError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; CPU time, best of several rounds")
    result = measure(sources)
    for name, value in result.items():
        print(f"{name:32} {value}")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
