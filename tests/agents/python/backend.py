"""A stand-in for the backend: reads reports with the wire's own codec, decides by the registry's own rules."""

import gzip
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connmon.registry.rules import UNKNOWN, Position, decide
from connmon.wire import codec, v1
from connmon_agent.transports import Failure, Inbox, Request, Response


@dataclass
class Canned:
    """What the next attempt meets instead of the stand-in. `fails`: the network does; `hangs`: nothing comes back."""

    status: int = 503
    body: bytes = b"{}"
    retry_after: str | None = None
    fails: bool = False
    hangs: bool = False


@dataclass
class Known:
    """What the backend knows of one boot of a server."""

    position: Position = UNKNOWN
    registry: dict[int, v1.Opened] = field(default_factory=dict)
    services: dict[str, v1.ServiceCounters] = field(default_factory=dict)
    pools: dict[str, v1.PoolCounters] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)


class Backend:
    """`received` holds each report that was taken, `bodies` each body that came, `extra` members of the next answer."""

    def __init__(self) -> None:
        self.boots: dict[str, Known] = {}
        self.received: list[v1.Report] = []
        self.bodies: list[bytes] = []
        self.canned: deque[Canned] = deque()
        self.interval: Any = 10
        self.extra: dict[str, Any] = {}
        self.ever: dict[int, v1.Opened] = {}

    @property
    def known(self) -> Known:
        """What it knows of the newest boot."""
        return list(self.boots.values())[-1]

    @property
    def complete(self) -> bool:
        """Whether it has the whole registry."""
        return bool(self.boots) and self.known.position.synced

    def serve(self, transport: "Transport") -> int:
        """Answers every waiting attempt; returns how many there were."""
        count = len(transport.requests)
        for _ in range(count):
            request = transport.requests.popleft()
            self.bodies.append(request.body)
            canned = self.canned.popleft() if self.canned else None
            if canned is None:
                transport.inbox.put(Response(request.token, *self.take(request.body)))
            elif canned.fails:
                transport.inbox.put(Failure(request.token, "connection refused"))
            elif not canned.hangs:
                transport.inbox.put(Response(request.token, canned.status, canned.body, canned.retry_after))
        return count

    def peek(self, body: bytes) -> v1.Report:
        """What a report says, without taking it."""
        return codec.decode_report(body)

    def take(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a report, gzipped or not."""
        text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        try:
            report = codec.decode_report(text)
            known = self.boots.get(report.server.boot, Known())
            step = decide(known.position, report, codec.body_digest(text))
        except codec.WireError as error:
            status = {"not-json": 400, "seq-conflict": 409, "seq-behind": 409, "boot-superseded": 409}
            return status.get(error.code, 422), _problem(error)
        if not step.repeat:
            self.boots[report.server.boot] = known
            self._fold(known, report, drop_others=step.drop_others)
            known.position = step.position
            self.received.append(report)
        extra, self.extra = self.extra, {}
        answer = {"kind": "ack", "ack": report.seq, "resync": step.resync, "interval": self.interval, **extra}
        return 200, json.dumps(answer).encode()

    def _fold(self, known: Known, report: v1.Report, *, drop_others: bool) -> None:
        if report.snapshot and report.snapshot.part == 1:
            known.named = set()
        for event in report.opened:
            known.registry[event.id] = event
            known.named.add(event.id)
            self.ever[event.id] = event
        for closed in report.closed:
            known.registry.pop(closed.id, None)
        for changed in report.changed:
            before = known.registry.get(changed.id)
            if before is not None:
                known.registry[changed.id] = msgspec.structs.replace(before, state=changed.state)
        known.services |= {counters.name: counters for counters in report.services}
        known.pools |= {counters.type: counters for counters in report.pools}
        if drop_others:
            known.registry = {number: event for number, event in known.registry.items() if number in known.named}


class Transport:
    """Keeps attempts until somebody serves them; from then on that `serve_at_once` is given, it does."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.requests: deque[Request] = deque()
        self.closed = False
        self.serve_at_once: Callable[[Transport], object] = lambda _: None

    def send(self, request: Request) -> None:
        """An attempt."""
        self.requests.append(request)
        self.serve_at_once(self)

    def close(self) -> None:
        """The end."""
        self.closed = True


def _problem(error: codec.WireError) -> bytes:
    return json.dumps({"code": error.code, "detail": error.detail}).encode()
