"""Measure all peers, one after the other."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bench.loader import LoadError, PrimeError
from bench.peers import influxdb, pushgateway, victoriametrics
from bench.peers.child import PeerError
from bench.peers.information import SAMPLES
from bench.peers.install import PACKAGES
from bench.peers.peer import Peer, measure

PEERS: dict[str, Callable[..., AbstractContextManager[Peer]]] = {
    "influxdb": influxdb.serve,
    "influxdb-single-values": influxdb.serve_single_values,
    "pushgateway": pushgateway.serve,
    "pushgateway-as-shipped": pushgateway.serve_as_shipped,
    "victoriametrics": victoriametrics.serve,
}


def measure_peers(
    names: list[str], *, seconds: int, server_cores: str | None = None, loader_cores: str | None = None
) -> dict[str, Any]:
    """The figures of each named peer and of the machine, ready for JSON.

    A peer that is missing or fails is left out, with its reason.
    """
    before = machine()
    measured: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            with PEERS[name](cores=server_cores) as peer:
                measured[name] = measure(peer, seconds=seconds, cores=loader_cores)
        except (PeerError, PrimeError, LoadError, OSError) as error:
            left_out[name] = str(error)
            print(f"{name}: left out: {error}")
            continue
        print(summary(measured[name]))
    return {
        "seconds": seconds,
        "samples_per_request": SAMPLES,
        "server_cores": server_cores,
        "loader_cores": loader_cores,
        "machine": before,
        "peers": measured,
        "left_out": left_out,
    }


def summary(figures: dict[str, Any]) -> str:
    """One peer's figures as a line or two for people."""
    line = (
        f"{figures['name']}: {figures['requests_per_s']} a second, p50 {figures['p50_ms']:.1f} ms, "
        f"p99 {figures['p99_ms']:.1f} ms, {figures['server_cpu_us_per_request']} µs of CPU each"
    )
    refused = f"\n  refused: {figures['errors_by_status']}, first {figures['first_error']}"
    broken = f"\n  socket errors: {figures['socket_errors']}"
    return (
        line
        + (refused if figures["errors_by_status"] else "")
        + (broken if any(figures["socket_errors"].values()) else "")
    )


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average_1m": round(os.getloadavg()[0], 2),
        "services_running_already": services_running_already(),
        "packages": {package: _version(package) for package in PACKAGES.values()},
    }


def services_running_already() -> list[str]:
    """Peers that run as services of this machine: they take processor time from what is measured."""
    # The kernel keeps 15 characters of a program's name.
    names = {program[:15]: package for program, package in PACKAGES.items() if program != "wrk"}
    running = {_process_name(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit()}
    return sorted(package for name, package in names.items() if name in running)


def _process_name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        # It ended while we looked.
        return ""


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    query = ["dpkg-query", "--show", "--showformat=${Version}", package]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout or None
