"""A stand-in for the backend: decodes reports with the wire's own codec and keeps registries by docs/protocol.md."""

import json
from collections import deque
from dataclasses import dataclass, field

import msgspec

from connmon.wire import codec, v1
from luauvm import VM, HttpRequest


@dataclass
class Canned:
    """An answer that a test puts in the way of the next request. `fails`: the request raises; `hangs`: no answer."""

    status: int = 503
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    fails: bool = False
    hangs: bool = False


@dataclass
class Known:
    """What the backend knows of one server."""

    boot: str
    seq: int = 0
    digest: int = 0
    registry: dict[int, v1.Opened] = field(default_factory=dict)
    services: dict[str, v1.ServiceCounters] = field(default_factory=dict)
    complete: bool = False
    part: int = 0
    named: set[int] = field(default_factory=set)


class Backend:
    """Takes requests of one or more VMs. `received` holds each report that was taken, `bodies` each body that came."""

    def __init__(self) -> None:
        self.servers: dict[str, Known] = {}
        self.boots: set[str] = set()
        self.received: list[v1.Report] = []
        self.bodies: list[bytes] = []
        self.canned: deque[Canned] = deque()
        self.interval = 5
        self.orders: list[dict[str, object]] = []
        self.config: dict[str, object] | None = None
        self.ask_resync = False
        self.extra: dict[str, object] = {}  # members of the next answer
        self.ever: dict[int, v1.Opened] = {}

    def serve(self, vm: VM) -> int:
        """Answers every waiting request of `vm`; returns how many."""
        count = 0
        while vm.requests:
            self._answer(vm, vm.requests.popleft())
            count += 1
        return count

    def _answer(self, vm: VM, request: HttpRequest) -> None:
        self.bodies.append(request.body)
        if not self.canned:
            status, body = self._take(request)
            vm.respond(request, status, body, {"content-type": "application/json"})
            return
        canned = self.canned.popleft()
        if canned.fails:
            vm.fail(request)
        elif not canned.hangs:
            vm.respond(request, canned.status, canned.body, canned.headers)

    def _take(self, request: HttpRequest) -> tuple[int, bytes]:
        try:
            report = codec.decode_report(request.body)
        except codec.WireError as error:
            return (400 if error.code == "not-json" else 422), _problem(error.code, error.detail)
        known = self.servers.get(report.server.id)
        if known is None or known.boot != report.server.boot:
            if report.server.boot in self.boots:
                return 409, _problem("boot-superseded", "An old boot.")
            self.boots.add(report.server.boot)
            known = self.servers[report.server.id] = Known(report.server.boot)
        digest = codec.body_digest(request.body)
        if report.seq == known.seq and digest == known.digest:
            return 200, self._ack(known.seq, resync=not known.complete)
        if report.seq <= known.seq:
            code = "seq-conflict" if report.seq == known.seq else "seq-behind"
            return 409, _problem(code, f"Last seq is {known.seq}.")
        gap = report.seq != known.seq + 1 or (not known.complete and known.part == 0 and report.snapshot is None)
        known.seq, known.digest = report.seq, digest
        self.received.append(report)
        resync = self._fold(known, report) or gap or self.ask_resync
        self.ask_resync = False
        return 200, self._ack(report.seq, resync=resync)

    def _fold(self, known: Known, report: v1.Report) -> bool:
        """Applies a report; True when a snapshot's parts do not follow each other."""
        resync = False
        if report.snapshot and report.snapshot.part == 1:
            known.named = set()
        if report.snapshot:
            resync = report.snapshot.part not in (1, known.part + 1)
            known.part = report.snapshot.part
        for event in report.opened:
            known.registry[event.id] = self.ever[event.id] = event
            known.named.add(event.id)
        for closed in report.closed:
            known.registry.pop(closed.id, None)
        for changed in report.changed:
            before = known.registry.get(changed.id)
            if before is not None:
                known.registry[changed.id] = _with_state(before, changed.state)
        known.services.update({counters.name: counters for counters in report.services})
        if report.snapshot and report.snapshot.part == report.snapshot.of and not resync:
            known.registry = {number: event for number, event in known.registry.items() if number in known.named}
            known.complete, known.part = True, 0
        return resync

    def _ack(self, seq: int, *, resync: bool) -> bytes:
        orders, self.orders = self.orders, []
        extra, self.extra = self.extra, {}
        return json.dumps(
            {
                "kind": "ack",
                "ack": seq,
                "resync": resync,
                "interval": self.interval,
                "orders": orders,
                "config": self.config,
            }
            | extra
        ).encode()

    def only(self) -> Known:
        """The one server that ever reported."""
        (known,) = self.servers.values()
        return known


def _with_state(event: v1.Opened, state: v1.ConnectionState) -> v1.Opened:
    return msgspec.structs.replace(event, state=state)


def _problem(code: str, detail: str) -> bytes:
    return json.dumps({"type": f"urn:connmon:problem:{code}", "code": code, "detail": detail}).encode()
