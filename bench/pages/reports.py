"""`python -m bench.pages.reports`: all servers report in turn, so many a second, until the input closes.

Prints "ready" once, and at the end one JSON line: how many were acknowledged, and how many late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from bench.chaos.links import RestLink, Target
from bench.ingest.workloads import BUSY, script
from bench.loader import Script

LINKS: Final = 20  # connections kept open; a server's reports always go over the same one
LATE_S: Final = 0.5  # behind its time by more than this: the rate was not kept


class Reporter:
    """Sends what is due, each link one report at a time."""

    def __init__(self, reports: Script, target: Target, *, rate: float) -> None:
        self._reports, self._rate = reports, rate
        self._links = [RestLink(target) for _ in range(LINKS)]
        self._began = time.monotonic()
        self._ends = asyncio.Event()
        self.acknowledged = self.late = self.refused = 0

    async def run(self) -> None:
        """Until `end` is called."""
        await asyncio.gather(*(self._run(place) for place in range(LINKS)))
        for link in self._links:
            link.close()

    def end(self) -> None:
        self._ends.set()

    async def _run(self, place: int) -> None:
        turn = place
        while not self._ends.is_set():
            due = self._began + turn / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late += time.monotonic() - due > LATE_S
            answer = await self._links[place].exchange(self._body(turn))
            taken = answer["kind"] == "ack"
            self.acknowledged += taken
            self.refused += not taken
            turn += LINKS

    def _body(self, turn: int) -> bytes:
        around, place = divmod(turn, len(self._reports.servers))
        seq = self._reports.first_seq + around
        body = self._reports.body_for(seq)
        now_ms = time.time_ns() // 1_000_000
        return self._reports.render(body, server=self._reports.servers[place], seq=seq, now_ms=now_ms).encode()


@contextmanager
def reporting(address: tuple[str, int], key: str, *, rate: float, first_seq: int) -> Iterator[dict[str, Any]]:
    """Reports come in meanwhile, from a process of their own; the dictionary is filled with what it told at its end."""
    told: dict[str, Any] = {}
    command = [sys.executable, "-m", "bench.pages.reports", f"http://{address[0]}:{address[1]}"]
    command += ["--key", key, "--rate", str(rate), "--first-seq", str(first_seq)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        try:
            yield told
        finally:
            process.stdin.close()
            told |= json.loads(process.stdout.readline())


async def report(arguments: argparse.Namespace) -> None:
    """Reports until the input closes."""
    parts = urlsplit(arguments.url)
    target = Target(parts.hostname or "127.0.0.1", parts.port or 80, arguments.key)
    reporter = Reporter(script(BUSY).starting_at(arguments.first_seq), target, rate=arguments.rate)
    began = time.monotonic()
    print("ready", flush=True)
    running = asyncio.create_task(reporter.run())
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([running, ended], return_when=asyncio.FIRST_COMPLETED)
    reporter.end()
    await running
    seconds = time.monotonic() - began
    rounds = reporter.acknowledged // len(script(BUSY).servers) + 2
    print(
        json.dumps(
            {
                "reports_per_s": round(reporter.acknowledged / seconds, 1),
                "late": reporter.late,
                "refused": reporter.refused,
                "next_seq": arguments.first_seq + rounds,
            }
        ),
        flush=True,
    )


def main() -> None:
    """Report and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--key", required=True)
    parser.add_argument("--rate", type=float, required=True, help="reports a second, all servers together")
    parser.add_argument("--first-seq", type=int, required=True)
    asyncio.run(report(parser.parse_args()))


if __name__ == "__main__":
    main()
