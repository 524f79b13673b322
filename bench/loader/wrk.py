"""Run wrk on a script and read its figures."""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.loader.lua import script_to_lua
from bench.loader.script import Script

LOAD_LUA = Path(__file__).with_name("load.lua")

# An answer that takes longer counts as a time-out. wrk keeps a counter for each microsecond up to here.
ANSWER_TIMEOUT_S = 10

# What wrk may need past its running time to join its threads and add up its counters.
GRACE_S = 30


class LoadError(RuntimeError):
    """The load could not be run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one run gave. The rate counts only answers with the expected status; latencies count every answer.

    `p50_ms` to `p999_ms` are wrk's: it adds the requests that a stalled connection would have sent meanwhile.
    `shortest_gap_ms` is the shortest time between two requests of one server (0: none was visited twice).
    `overlap_possible`: an answer took longer, so two requests of one server may have been in flight.
    `last_seq` and `next_server`, with one thread: where it stopped; `Script.starting_at` goes on from there.
    `loader_cpu_s` is the processor time that wrk itself took from the machine.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    answers: int
    seconds: float
    errors_by_status: dict[int, int]
    first_error: str
    socket_errors: dict[str, int]
    shortest_gap_ms: float
    overlap_possible: bool
    last_seq: int
    next_server: int
    loader_cpu_s: float

    @property
    def next_turn(self) -> tuple[int, int]:
        """Sequence number and server to start at, for a run that leaves no gap."""
        return (self.last_seq, self.next_server) if self.next_server else (self.last_seq + 1, 0)

    @property
    def clean(self) -> bool:
        """Whether every answer came and had the expected status."""
        return not self.errors_by_status and not any(self.socket_errors.values())

    def to_dict(self) -> dict[str, Any]:
        """All fields and `clean`, ready for JSON."""
        return asdict(self) | {"clean": self.clean}


def run_wrk(
    url: str,
    script: Script,
    *,
    seconds: int,
    connections: int = 64,
    threads: int = 1,
    headers: Mapping[str, str] | None = None,
    cores: str | None = None,
) -> LoadResult:
    """Send `script` to `url` (scheme, host and port) for `seconds`; `cores` pins wrk (a list for taskset).

    Each thread owns its share of servers and connections; with as many threads as connections no two requests
    of a server can overlap, at more than twice the cost. Raises LoadError when wrk is missing, cannot connect
    or gives no figures, and for more connections than servers to visit in turn.
    """
    if len(script.servers) <= connections or len(script.servers) < 2 * threads:
        raise LoadError(f"{connections} connections need more than {len(script.servers)} servers to visit in turn")
    with tempfile.TemporaryDirectory(prefix="connmon-load-") as folder:
        table = Path(folder, "script.lua")
        table.write_text(script_to_lua(script))
        command = _command(url, table, seconds, connections, threads, headers or {})
        pinned = ["taskset", "--cpu-list", cores, *command] if cores else command
        cpu_before = children_cpu_s()
        output = _run(pinned, seconds + GRACE_S)
    cpu_s = children_cpu_s() - cpu_before
    return parse_output(output, loader_cpu_s=cpu_s, one_at_a_time=connections == threads)


def _command(
    url: str, table: Path, seconds: int, connections: int, threads: int, headers: Mapping[str, str]
) -> list[str]:
    flags = [f"--connections={connections}", f"--threads={threads}", f"--duration={seconds}s"]
    extra = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    script = ["--timeout", f"{ANSWER_TIMEOUT_S}s", "--script", str(LOAD_LUA), *extra]
    return ["wrk", *flags, *script, url, "--", str(table), str(threads)]


def _run(command: list[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError as error:
        raise LoadError(f"{error.filename} is missing: install it with `apt-get install wrk`") from error
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"wrk did not end within {timeout_s} s and was killed") from error
    if done.returncode != 0 or done.stderr:
        raise LoadError(f"wrk failed (exit {done.returncode}): {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def children_cpu_s() -> float:
    """Processor time of this process' ended children, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _may_overlap(figures: dict[str, Any]) -> bool:
    gap = figures["shortest_gap_us"]
    return bool(gap > 0 and (figures["socket_errors"]["timeout"] or figures["max_us"] >= gap))


def parse_output(output: str, *, loader_cpu_s: float = 0.0, one_at_a_time: bool = False) -> LoadResult:
    """The figures in what wrk printed, which load.lua's done() writes as the last line.

    `one_at_a_time`: a server's requests were all sent over one connection. Raises LoadError without figures.
    """
    lines = output.strip().splitlines()
    try:
        figures = json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        raise LoadError(f"wrk printed no figures:\n{output}") from error
    seconds = figures["duration_us"] / 1e6
    errors = {int(status): count for status, count in figures["statuses"].items()}
    first = f"{figures['first_status']}: {figures['first_body']}" if figures["first_status"] else ""
    return LoadResult(
        requests_per_s=round((figures["answers"] - sum(errors.values())) / seconds, 1),
        p50_ms=figures["p50_us"] / 1000,
        p99_ms=figures["p99_us"] / 1000,
        p999_ms=figures["p999_us"] / 1000,
        max_ms=figures["max_us"] / 1000,
        answers=figures["answers"],
        seconds=round(seconds, 3),
        errors_by_status=errors,
        first_error=first,
        socket_errors=figures["socket_errors"],
        shortest_gap_ms=figures["shortest_gap_us"] / 1000,
        overlap_possible=not one_at_a_time and _may_overlap(figures),
        last_seq=figures["last_seq"],
        next_server=figures["next_server"],
        loader_cpu_s=round(loader_cpu_s, 3),
    )
