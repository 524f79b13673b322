"""`python -m bench.chaos.soak`: hours of steady load; prints how much memory each part gained as one JSON object."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any, Final, NamedTuple, TextIO

import psutil
import psycopg

from bench.chaos.crowd import Crowd
from bench.chaos.faults import target_of
from bench.chaos.house import PARTS, SUPERVISOR, House, house
from bench.chaos.verdict import judge
from bench.cleanup.__main__ import allow_many_sockets
from bench.peers.run import machine

# Half of 2,610 busy reports a second, the middle of what one web process took in good and bad hours of the machine
# (1,786 to 3,432, bench/figures). These reports carry three services and some changes, so they are lighter: it is the
# number of them that is soaked.
RATE: Final = 1_300
WARM_UP: Final = 600.0  # seconds until memory should be flat; a third of shorter runs
SAMPLE: Final = 15.0  # seconds
MOST_GROWTH: Final = 5.0  # percent
DISK_MB: Final = 4_096
KILOBYTES: Final = 1_024  # in a megabyte

Samples = list[tuple[float, float]]  # seconds since the beginning, megabytes
INTERVAL: Final = "UPDATE accounts_game SET report_interval = 1 WHERE slug = 'chaos'"


def growth(samples: Samples, *, warm_up: float) -> float:
    """Percent by which the last quarter of the time after `warm_up` is above its first quarter, in the mean."""
    flat = [(at, size) for at, size in samples if at >= warm_up]
    if len(flat) < 8:
        raise ValueError("A run is too short to tell growth: at least eight samples after its warm-up.")
    quarter = len(flat) // 4
    first, last = fmean(size for _, size in flat[:quarter]), fmean(size for _, size in flat[-quarter:])
    return (last / first - 1) * 100


class Held(NamedTuple):
    """What one process holds."""

    part: str
    pid: int
    megabytes: float


def memory(home: House) -> Iterator[Held]:
    """Memory of each process of each part: its share of anonymous memory (Pss_Anon).

    What a file, or memory shared on purpose, backs is not counted: as they live, PostgreSQL's processes touch more and
    more of its buffers, which were allotted at the start.
    """
    for part in (*PARTS, SUPERVISOR):
        found = home.find(part)
        for process in () if part == SUPERVISOR else list(found):
            with suppress(psutil.Error):
                found += process.children(recursive=True)
        for process in found:
            with suppress(OSError):
                yield Held(part, process.pid, anonymous_mb(process.pid))


def anonymous_mb(pid: int) -> float:
    """Pss_Anon of a process, in megabytes. Raises OSError when it is gone."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) / KILOBYTES
    raise OSError(f"The kernel tells no Pss_Anon for process {pid}.")


async def run(home: House, *, minutes: float, rate: int, log: TextIO | None = None) -> dict[str, Any]:
    """The soak; its figures. `log` takes what each process holds at each sample, as lines of comma-separated values."""
    chance = random.Random(1)
    people = await asyncio.to_thread(home.add_people)
    with psycopg.connect(home.database_url, autocommit=True) as connection:
        connection.execute(INTERVAL)
    crowd = Crowd(chance)
    for number in range(rate):
        crowd.add(f"soak-{number}", target_of(home.port, people["keys"]["chaos"]), socket=number % 2 == 0)
    samples: dict[str, Samples] = {part: [] for part in (*PARTS, SUPERVISOR)}
    began = time.monotonic()
    crowd.start(spread=10.0)
    try:
        while (spent := time.monotonic() - began) < minutes * 60:
            held = await asyncio.to_thread(lambda: list(memory(home)))
            for part, sizes in samples.items():
                sizes.append((spent, sum(one.megabytes for one in held if one.part == part)))
            for one in held if log else ():
                print(f"{spent:.0f},{one.part},{one.pid},{one.megabytes:.2f}", file=log, flush=True)
            await asyncio.sleep(SAMPLE)
        acked = crowd.ledger.acked
        crowd.settle()
        await asyncio.wait_for(crowd.halt(), 60)
        servers = [member.server for member in crowd.members]
        found = await asyncio.to_thread(judge, home.database_url, servers, crowd.ledger, people["games"]["chaos"])
    finally:
        await crowd.stop()
    return figures(samples, min(WARM_UP, minutes * 20)) | {
        "minutes": minutes,
        "reports_per_s": round(acked / (minutes * 60)),
        "lost": found.lost,
        "refusals": dict(crowd.ledger.refusals),
        "longest_without_any_ack_s": round(crowd.longest_gap, 1),
    }


def figures(samples: dict[str, Samples], warm_up: float) -> dict[str, Any]:
    """Growth by part, and whether all are flat."""
    grown = {part: round(growth(found, warm_up=warm_up), 1) for part, found in samples.items()}
    return {
        "flat": max(grown.values()) <= MOST_GROWTH,
        "growth_percent": grown,
        "mb_at_end": {part: round(found[-1][1], 1) for part, found in samples.items()},
        "warm_up_s": round(warm_up),
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120, help="how long (120); 4 at least")
    parser.add_argument("--rate", type=int, default=RATE, help=f"reports a second ({RATE:,})")
    parser.add_argument("--log", type=argparse.FileType("w"), help="a file for each process's memory at each sample")
    arguments = parser.parse_args()
    if arguments.minutes < 4:
        parser.error("--minutes takes 4 or more: a shorter run cannot tell growth.")
    allow_many_sockets()
    with house(disk_mb=DISK_MB) as home:
        found = asyncio.run(run(home, minutes=arguments.minutes, rate=arguments.rate, log=arguments.log))
        found["orphans"] = len(home.stop())
    print(json.dumps({**found, "machine": machine()}))
    return 0 if found["flat"] and not found["lost"] and not found["orphans"] else 1


if __name__ == "__main__":
    sys.exit(main())
