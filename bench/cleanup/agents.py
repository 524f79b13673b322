"""Simulated game servers that keep to the protocol, over REST and over sockets, many in one process."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

CONNECTIONS: Final = 20  # each agent's; of them one is essential, and one has become another under way
ESSENTIAL: Final = 1
CHANGED: Final = 2
INTERVAL: Final = 10.0  # seconds between reports
RETRY: Final = 0.2  # seconds until a request that failed is sent again

Json = dict[str, Any]


@dataclass
class Agent:
    """One game server: what is connected, what it was ordered, what it did."""

    name: str
    seq: int = 0
    live: dict[int, float] = field(default_factory=dict)
    executed: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    closed: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    outcomes: list[Json] = field(default_factory=list)
    events: list[int] = field(default_factory=list)  # closed since the last acknowledged report
    acknowledged_at: float = 0.0  # Unix time at which the last outcome was acknowledged
    known: bool = False  # its first report was taken
    flight: bytes = b""
    sent: tuple[int, int] = (0, 0)  # outcomes and events in flight

    def report(self) -> bytes:
        """The report in flight, or the next one."""
        if not self.flight:
            self.seq += 1
            self.sent = (len(self.outcomes), len(self.events))
            body: Json = {
                "kind": "report",
                "v": 1,
                "server": {"id": self.name, "boot": "bench", "agent": "bench/1"},
                "seq": self.seq,
                "sent_at": time.time(),
                "interval": INTERVAL,
                "players": 10,
                "outcomes": self.outcomes,
                "closed": [{"id": number, "service": "CombatService"} for number in self.events],
            }
            if self.seq == 1:
                body |= {"snapshot": {"part": 1, "of": 1}, "opened": self._open()}
            self.flight = msgspec.json.encode(body)
        return self.flight

    def _open(self) -> list[Json]:
        now = time.time()
        self.live = {number: round(now - number / 8, 3) for number in range(1, CONNECTIONS + 1)}
        return [
            {
                "id": number,
                "service": "CombatService",
                "owner": f"player:{number % 7}",
                "owner_kind": "player",
                "name": "Died",
                "type": "Humanoid.Died",
                "at": at,
                "site": "ServerScriptService.CombatService:118",
                "essential": number == ESSENTIAL,
            }
            for number, at in self.live.items()
        ]

    def take(self, answer: Json) -> float:
        """An answer to the report in flight; seconds until the next one."""
        if self.seq == 1:
            self.live[CHANGED] += 0.5  # closed and opened again under the same id, as no agent should
            self.known = True
        outcomes, events = self.sent
        if outcomes:
            self.acknowledged_at = time.time()
        del self.outcomes[:outcomes], self.events[:events]
        self.flight, self.sent = b"", (0, 0)
        self.execute(answer["orders"])
        return float(answer["interval"])

    def execute(self, orders: list[Json]) -> bool:
        """Carries out what is new; whether there was anything."""
        fresh = [order for order in orders if not self.executed[order["id"]]]
        self.received.update(order["id"] for order in orders)
        for order in fresh:
            self.executed[order["id"]] += 1
            lists: dict[str, list[int]] = {"closed": [], "gone": [], "changed": []}
            for number, opened_at in order["connections"]:
                lists[self._close(number, opened_at)].append(number)
            self.outcomes.append({"order": order["id"], "status": "done", **lists})
        return bool(fresh)

    def _close(self, number: int, opened_at: float) -> str:
        if number not in self.live:
            return "gone"
        if self.live[number] != opened_at:
            self.refused += 1
            return "changed"
        del self.live[number]
        self.closed[number] += 1
        self.events.append(number)
        return "closed"


async def run_rest(agent: Agent, host: str, port: int, key: str) -> None:
    """Reports over one keep-alive connection until it is cancelled."""
    await asyncio.sleep(random.random() * 3)
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while True:
        body = agent.report()
        try:
            if streams is None:
                streams = await asyncio.open_connection(host, port)
            status, answer = await _post(*streams, body, key)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            if streams:
                streams[1].close()
            streams = None
            await asyncio.sleep(RETRY)
            continue
        if status != 200:
            await asyncio.sleep(RETRY)
            continue
        first = agent.seq == 1
        wait = agent.take(answer)
        await asyncio.sleep(wait * random.random() if first else wait)


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, key: str) -> tuple[int, Json]:
    head = (
        f"POST /api/v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length"))
    return int(lines[0].split()[1]), msgspec.json.decode(await reader.readexactly(length))


async def run_socket(agent: Agent, host: str, port: int, key: str) -> None:
    """Reports over a socket until it is cancelled; connects again when it breaks."""
    await asyncio.sleep(random.random() * 3)
    headers = {"Authorization": f"Bearer {key}"}
    while True:
        try:
            async with connect(
                f"ws://{host}:{port}/ws/v1/agent", additional_headers=headers, compression=None, proxy=None,
                open_timeout=30, ping_interval=None, max_queue=4,
            ) as socket:  # fmt: skip
                await _talk(agent, socket)
        except (OSError, WebSocketException, TimeoutError):
            await asyncio.sleep(RETRY)


async def _talk(agent: Agent, socket: ClientConnection) -> None:
    await socket.send(agent.report().decode())
    due = time.monotonic() + INTERVAL
    while True:
        try:
            async with asyncio.timeout(max(due - time.monotonic(), 0)):
                frame = msgspec.json.decode(await socket.recv())
        except TimeoutError:
            frame = {"kind": "due"}
        if frame["kind"] == "ack":
            agent.take(frame)
            due = time.monotonic() + INTERVAL
        elif frame["kind"] == "orders":
            agent.execute(frame["orders"])
        elif frame["kind"] == "problem":
            await asyncio.sleep(RETRY)
            await socket.send(agent.report().decode())
        if not agent.flight and (agent.outcomes or frame["kind"] == "due"):
            await socket.send(agent.report().decode())
            due = time.monotonic() + INTERVAL
