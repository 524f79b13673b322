"""`python -m bench.ingest`: prints one JSON object as its last line."""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

from bench.ingest import limit
from bench.ingest.site import Database, cpu_s, database, web
from bench.ingest.workloads import BUSY, QUIET, Workload, script
from bench.loader import LoadResult, Script, run_wrk
from bench.peers.install import ensure_installed
from bench.peers.run import PEERS, machine, measure_peers

CONNECTIONS: Final = 64
FIRST_TURN: Final = (1, 0)  # sequence number and server of a first request


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="how long each figure is measured (15)")
    parser.add_argument("--registry", type=int, default=1_000_000, help="connections registered before (1,000,000)")
    parser.add_argument("--web-processes", type=int, default=1, help="web processes (1)")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--growth", action="store_true", help="also measure with 100,000 and 5,000,000 connections")
    return parser.parse_args()


def measure(
    base: Database, workload: Workload, *, seconds: int, processes: int, turn: tuple[int, int] = FIRST_TURN
) -> tuple[dict[str, Any], tuple[int, int]]:
    """Load one workload for `seconds`: rates, latencies and processor time for each report; and whose turn is next."""
    with web(base, processes=processes) as (address, pids):
        load = script(workload).starting_at(*turn)
        warm = _load(address, base, load, seconds=3)
        web_before, database_before = cpu_s(pids), base.cpu_s()
        last = _load(address, base, load.starting_at(*warm.next_turn), seconds=seconds)
        result = last.to_dict()
        answers = max(last.answers, 1)
        result["web_cpu_us"] = round((cpu_s(pids) - web_before) / answers * 1e6, 1)
        result["database_cpu_us"] = round((base.cpu_s() - database_before) / answers * 1e6, 1)
        result["loader_cpu_us"] = round(result["loader_cpu_s"] / answers * 1e6, 1)
    print(
        f"{workload.name}: {result['requests_per_s']} reports a second, p50 {result['p50_ms']:.1f} ms, "
        f"p99 {result['p99_ms']:.1f} ms; µs of CPU for each: web {result['web_cpu_us']}, "
        f"database {result['database_cpu_us']}, loader {result['loader_cpu_us']}"
        + (f"; REFUSED {result['errors_by_status']} {result['first_error']}" if not result["clean"] else ""),
        flush=True,
    )
    return result, last.next_turn


def _load(address: str, base: Database, load: Script, *, seconds: int) -> LoadResult:
    headers = {"Authorization": f"Bearer {base.key}"}
    return run_wrk(address, load, seconds=seconds, connections=CONNECTIONS, headers=headers)


def measure_edge_only(base: Database, *, seconds: int) -> float:
    """Busy reports a second when they are authenticated, decoded, checked and answered, but not written."""
    with web(base, processes=1, application="bench.ingest.edge_only:application") as (address, _):
        result = _load(address, base, script(BUSY), seconds=seconds)
    print(f"edge only, one process: {result.requests_per_s} a second", flush=True)
    return result.requests_per_s


def measure_connmon(registry: int, *, seconds: int, processes: int, whole: bool = True) -> dict[str, Any]:
    """All of connmon's own figures with `registry` connections there already."""
    with database(connections=registry) as base:
        print(f"registry of {registry:,} connections", flush=True)
        busy, turn = measure(base, BUSY, seconds=seconds, processes=processes)
        figures = {"busy": busy}
        if whole:
            figures["quiet"], _ = measure(base, QUIET, seconds=seconds, processes=processes, turn=turn)
            figures["limit"] = limit.measure(base, seconds=seconds)
            figures["edge_only"] = {"requests_per_s": measure_edge_only(base, seconds=5)}
    return figures


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    own = measure_connmon(arguments.registry, seconds=arguments.seconds, processes=arguments.web_processes)
    busy, quiet, bare = own["busy"], own["quiet"], own["limit"]
    result: dict[str, Any] = {
        "quiet_reports_per_s": quiet["requests_per_s"],
        "quiet_p99_ms": quiet["p99_ms"],
        "busy_reports_per_s": busy["requests_per_s"],
        "busy_p99_ms": busy["p99_ms"],
        "edge_only_reports_per_s": own["edge_only"]["requests_per_s"],
        "rows_per_report": 1 + 2 * BUSY.events,
        "limit_reports_per_s": bare["reports_per_s"],
        "limit_ratio": round(busy["requests_per_s"] / bare["reports_per_s"], 2),
        "web_processes": arguments.web_processes,
        "registry": arguments.registry,
        "busy": busy,
        "quiet": quiet,
        "machine": machine(),
    }
    if arguments.growth:
        result["growth"] = measure_growth(arguments.seconds, arguments.web_processes)
    if not arguments.no_peers:
        result["peers"] = measure_against_peers(busy["requests_per_s"], arguments.seconds)
    print(json.dumps(result))


def measure_growth(seconds: int, processes: int) -> dict[str, Any]:
    """What a busy report costs with 100,000 and with 5,000,000 connections registered."""
    cost = {}
    for registry in (100_000, 5_000_000):
        busy = measure_connmon(registry, seconds=seconds, processes=processes, whole=False)["busy"]
        cost[registry] = busy["web_cpu_us"] + busy["database_cpu_us"]
    ratio = cost[5_000_000] / cost[100_000]
    return {"cpu_us_per_report": cost, "cost_growth": round(ratio - 1, 3)}


def measure_against_peers(busy: float, seconds: int) -> dict[str, Any]:
    """Each peer's figures, and connmon's rate as a multiple of it."""
    ensure_installed()
    measured = measure_peers(list(PEERS), seconds=seconds)
    for figures in measured["peers"].values():
        figures["connmon_ratio"] = round(busy / figures["requests_per_s"], 2)
        print(f"{figures['name']}: connmon takes {figures['connmon_ratio']} times as many", flush=True)
    return {**measured["peers"], "left_out": measured["left_out"]}


if __name__ == "__main__":
    main()
