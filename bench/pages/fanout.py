"""`python -m bench.pages.fanout`: many browser sockets on one overview, in a process of their own.

Each line of the input is a live count to wait for in the marked service; for each the answer is one JSON line with the
moments (Unix seconds) at which it came to each socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from statistics import quantiles
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from bench.pages.stage import MARKED_SERVICE, SLUG, Stage

SAMPLES: Final = 40
PAUSE_S: Final = 0.3
OPEN_AT_ONCE: Final = 25
PATIENCE_S: Final = 30.0


class Service(msgspec.Struct):
    """A row of the overview's table, as far as it is needed here."""

    live: int = -1
    name: str = ""
    id: int = 0


class Rows(msgspec.Struct):
    """What changed of them."""

    rows: list[Service] = []


class Data(msgspec.Struct):
    """The sections of a message."""

    services: list[Service] | Rows = []


class Message(msgspec.Struct):
    """From the live socket."""

    data: Data = msgspec.field(default_factory=Data)


DECODER: Final = msgspec.json.Decoder(Message)


class Crowd:
    """Sockets that note when a live count of the marked service came to them."""

    def __init__(self) -> None:
        self.came: dict[int, list[float]] = {}
        self.sockets: list[ClientConnection] = []
        self._marked = 0

    async def open(self, host: str, port: int, cookie: str, count: int) -> None:
        address = f"ws://{host}:{port}/ws/v1/live?game={SLUG}&page=overview"
        while len(self.sockets) < count:
            opening = (
                connect(address, origin=f"http://{host}:{port}", additional_headers={"Cookie": cookie}, proxy=None,  # type: ignore[arg-type]
                        open_timeout=PATIENCE_S, ping_interval=None, max_size=None)
                for _ in range(OPEN_AT_ONCE)
            )  # fmt: skip
            self.sockets += await asyncio.gather(*opening)
        for socket in self.sockets:
            asyncio.create_task(self._read(socket))  # noqa: RUF006  (the socket ends it)

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            came = time.time()
            services = DECODER.decode(text).data.services
            for row in services.rows if isinstance(services, Rows) else services:
                if row.name == MARKED_SERVICE:
                    self._marked = row.id
                if row.id == self._marked:
                    self.came.setdefault(row.live, []).append(came)

    async def wait_for(self, live: int) -> list[float]:
        """The moments at which `live` had come, once it has come to all or patience is over."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.came.get(live, [])) < len(self.sockets) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        return self.came.pop(live, [])

    async def close(self) -> None:
        for socket in self.sockets:
            socket.transport.abort()


async def crowd(arguments: argparse.Namespace) -> None:
    """Opens the sockets, says so, and answers questions."""
    found = Crowd()
    await found.open(arguments.host, arguments.port, arguments.cookie, arguments.count)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await found.wait_for(int(line))), flush=True)
    await found.close()


def measure(stage: Stage, *, browsers: int) -> dict[str, Any]:
    """Milliseconds from a report's sending to its coming at each of the sockets; no other server reports meanwhile."""
    host, port = stage.address
    command = [sys.executable, "-m", "bench.pages.fanout", host, str(port), stage.cookie, "--count", str(browsers)]
    times: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        time.sleep(2)
        for _ in range(SAMPLES):
            live, sent, _ = stage.mark()
            process.stdin.write(f"{live}\n")
            process.stdin.flush()
            came = json.loads(process.stdout.readline())
            assert len(came) == browsers, f"it came to {len(came)} of {browsers} browsers"
            times += [1e3 * (moment - sent) for moment in came]
            time.sleep(PAUSE_S)
        process.stdin.close()
    cuts = quantiles(times, n=100, method="inclusive")
    name = f"browsers_{browsers}_fanout"
    return {f"{name}_p50_ms": round(cuts[49], 1), f"{name}_p99_ms": round(cuts[98], 1)}


def main() -> None:
    """Open and answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("cookie")
    parser.add_argument("--count", type=int, required=True)
    asyncio.run(crowd(parser.parse_args()))


if __name__ == "__main__":
    main()
