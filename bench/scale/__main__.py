"""`python -m bench.scale`: prints one JSON object as its last line.

The generator shares the cores with what it measures, so more web processes bring more only while a core is free. What
carries over to other machines is the processor time of a report, and ratios to one process within the run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Final

from bench.history.__main__ import measure as measure_history
from bench.ingest.site import database
from bench.ingest.workloads import BUSY, QUIET, Workload
from bench.peers.run import machine
from bench.scale.arithmetic import check_reports, slope
from bench.scale.fleet import CONNECTIONS, Cell, Fleet, Reporting
from bench.scale.footprint import resident_bytes, table_bytes
from bench.scale.layouts import Layout, layouts, running

SIZES: Final = (1_000, 10_000)
LARGE: Final = 100_000
PROCESSES: Final = (1, 2, 4)
REGISTERED: Final = 100_000  # connections that are there before, whatever the number of servers
WARM_SECONDS: Final = 2  # of one stretch
PACES: Final = (0.25, 0.5)  # of the rate of one process at full load
SERVICES: Final = 50  # of each server, in history
PARTS: Final = ("reports", "history")
AGAIN: Final = "1 again"  # one process at the end: how far the machine itself has changed meanwhile


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=int, default=5, help="how long each figure is measured (5)")
    add("--servers", type=int, nargs="+", default=list(SIZES), help="simulated servers (1000 10000)")
    add("--processes", type=int, nargs="+", default=list(PROCESSES), help="web processes (1 2 4)")
    add("--full", action="store_true", help="also 100,000 servers: twice as long")
    add("--parts", nargs="+", choices=PARTS, default=[PARTS[0]], help="history: a tick of it at each size (reports)")
    return parser.parse_args()


class Size:
    """A fleet of one size, through every layout of web processes."""

    def __init__(self, fleet: Fleet, *, seconds: int) -> None:
        self._fleet = fleet
        self._seconds = seconds
        self.cells: dict[str, dict[str, Cell]] = {BUSY.name: {}, QUIET.name: {}}
        self.paced: list[tuple[str, Cell]] = []
        self.resident: dict[str, int] = {}

    def measure(self, layout: Layout, name: str) -> None:
        """Busy and quiet reports at full load; with one process also at PACES of it, the first time."""
        with running(self._fleet.base, layout) as webs, self._fleet.reporting(webs) as reporting:
            self._warm(reporting)
            for workload in (BUSY, QUIET):
                cell = reporting.load(workload, seconds=self._seconds)
                self.cells[workload.name][name] = cell
                self._say(name, workload, cell)
            self.resident[name] = resident_bytes(webs.pids)
            if layout.processes == 1 and not self.paced:
                self._pace(reporting)

    def _warm(self, reporting: Reporting) -> None:
        """Each server is heard of once; in random turns by one of the processes."""
        begun = reporting.round
        while reporting.round == begun:
            reporting.load(QUIET, seconds=WARM_SECONDS)

    def _pace(self, reporting: Reporting) -> None:
        for workload in (BUSY, QUIET):
            full = self.cells[workload.name]["1"].reports_per_s
            for pace in PACES:
                pause_ms = round(CONNECTIONS / (full * pace) * 1e3)
                cell = reporting.load(workload, seconds=self._seconds, pause_ms=pause_ms)
                self.paced.append((workload.name, cell))
                self._say("1, paced", workload, cell)

    def _say(self, layout: str, workload: Workload, cell: Cell) -> None:
        print(
            f"{self._fleet.servers:,} servers, web processes {layout}, {workload.name}: {cell.reports_per_s} a second, "
            f"p99 {cell.p99_ms:.0f} ms; µs of CPU for each: web {cell.web_cpu_us}, database {cell.database_cpu_us}, "
            f"generator {cell.loader_cpu_us}" + ("" if cell.clean else f"; REFUSED {cell.first_error}"),
            flush=True,
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; ratios are to one process."""
        return {
            **{name: with_ratios(cells) for name, cells in self.cells.items()},
            "paced": [{"workload": name, **cell.to_dict()} for name, cell in self.paced],
            "web_resident_bytes": self.resident,
            **table_bytes(self._fleet.base, self._fleet.servers),
        }


def with_ratios(cells: dict[str, Cell]) -> dict[str, Any]:
    """Each layout's figures, its rate and its cost as multiples of one process's, first and last taken together."""
    ones = [cell for name, cell in cells.items() if name in {"1", AGAIN}]
    rate, cpu = fmean(cell.reports_per_s for cell in ones), fmean(cell.cpu_us for cell in ones)
    return {
        name: {
            **cell.to_dict(),
            "rate_ratio": round(cell.reports_per_s / rate, 2),
            "cpu_ratio": round(cell.cpu_us / cpu, 2),
        }
        for name, cell in cells.items()
    }


def measure_size(servers: int, processes: Sequence[int], *, seconds: int) -> tuple[Size, dict[str, Any]]:
    """All layouts over one durable embedded database; with the figures for JSON."""
    with database(connections=max(REGISTERED, servers), servers=servers) as base:
        size = Size(Fleet(base, servers), seconds=seconds)
        for layout in layouts(processes):
            size.measure(layout, layout.name)
        if len(processes) > 1:
            size.measure(Layout(1), AGAIN)
        return size, size.to_dict()


def check_all(sizes: dict[int, Size]) -> list[dict[str, Any]]:
    """Every figure of one process against what the smallest fleet's cost of a report predicts for its rate."""
    smallest = sizes[min(sizes)].cells
    checks = []
    for servers, size in sizes.items():
        cells = [("1", name, size.cells[name]["1"]) for name in size.cells]
        cells += [("1, paced", name, cell) for name, cell in size.paced]
        for layout, name, cell in cells:
            cost = smallest[name]["1"].cpu_us
            found = check_reports(cell, cost_us=cost, servers=servers, layout=layout, workload=name)
            checks.append(found.to_dict())
    return checks


def measure_reports(servers: Sequence[int], processes: Sequence[int], *, seconds: int) -> dict[str, Any]:
    """Every size, what a server takes of a web process's memory, and the check of the arithmetic."""
    measured = {count: measure_size(count, processes, seconds=seconds) for count in servers}
    sizes = {count: size for count, (size, _) in measured.items()}
    return {
        "seconds": seconds,
        "generator_connections": CONNECTIONS,
        "generator_shares_the_cores": True,
        "sizes": {count: figures for count, (_, figures) in measured.items()},
        "web_bytes_of_a_server": round(slope({count: size.resident["1"] for count, size in sizes.items()})),
        "arithmetic": check_all(sizes),
    }


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    servers = sorted({*arguments.servers, *([LARGE] if arguments.full else [])})
    result: dict[str, Any] = {"machine": machine()}
    if "reports" in arguments.parts:
        processes = sorted({1, *arguments.processes})
        result |= measure_reports(servers, processes, seconds=arguments.seconds)
    if "history" in arguments.parts:
        result["history"] = {count: measure_history(count * SERVICES, SERVICES, ticks_only=True) for count in servers}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
