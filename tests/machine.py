"""A game server as the tests play it, and the real site that it reports to."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import pytest
import uvicorn
from django.db.models import QuerySet
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from connmon.core.ids import NewKey, server_key
from connmon.registry.models import Connection, RefusedReport, ServerState, Service
from connmon.runtime.patience import PatientHttpProtocol
from connmon.runtime.plan import WEB_SOCKET_BYTES

PATIENCE: Final = 30.0  # seconds before a test gives up on a condition; each takes well under one
POLL: Final = 0.01  # seconds
REPORTS: Final = "/api/v1/reports"
AGENT: Final = "/ws/v1/agent"
SENT_AT: Final = 1_763_870_000.25  # a sender's clock; only shown, never trusted

T = TypeVar("T")
Json = dict[str, Any]
ASGIApplication = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


def wait_for(condition: Callable[[], T | None], what: str, *, patience: float = PATIENCE) -> T:
    """The condition's first true value; fails the test when there is none within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience:.0f} s for {what}")
        time.sleep(POLL)
    return value


@dataclass(frozen=True)
class Answer:
    """What came back: `body` is JSON, decoded."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: Any

    @property
    def code(self) -> str:
        """Of a problem document."""
        return str(self.body["code"])


@dataclass
class Site:
    """The running site on a loopback port, in a thread of this process."""

    port: int
    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop

    def request(
        self, method: str, path: str, *, body: bytes | Iterator[bytes] = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One HTTP request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, body: bytes | Json, *, key: NewKey | str, **headers: str) -> Answer:
        """Sends one report; further headers by name (`content_encoding="gzip"`)."""
        raw = body if isinstance(body, bytes) else encode(body)
        sent = {"authorization": bearer(key), "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", REPORTS, body=raw, headers=sent)

    def get(self, path: str, *, key: NewKey | str | None = None) -> Answer:
        return self.request("GET", path, headers={"authorization": bearer(key)} if key else {})

    @contextmanager
    def connect(self, *, key: NewKey | str | None, origin: str | None = None) -> Iterator[ClientConnection]:
        """An agent's socket."""
        with connect(
            f"ws://127.0.0.1:{self.port}{AGENT}",
            additional_headers={"Authorization": bearer(key)} if key else {},
            origin=Origin(origin) if origin else None,
            open_timeout=PATIENCE,
            close_timeout=PATIENCE,
            max_size=None,
            proxy=None,
        ) as agent:
            yield agent

    def open_raw(self) -> socket.socket:
        """A bare TCP connection to the site."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` in the site's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


@contextmanager
def serving(application: ASGIApplication) -> Iterator[Site]:
    """`application` under uvicorn, with the options that `manage.py up` gives it."""
    started: list[asyncio.AbstractEventLoop] = []

    async def noting_its_loop(scope: Any, receive: Any, send: Any) -> None:
        if not started:
            started.append(asyncio.get_running_loop())
        await application(scope, receive, send)

    config = uvicorn.Config(
        noting_its_loop,
        loop="uvloop",
        http=PatientHttpProtocol,
        ws="websockets-sansio",
        ws_max_size=WEB_SOCKET_BYTES,
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(target=server.run, args=([listener],), name="site")
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive(), "the site to start")
            assert server.started, "the site ended instead of starting"
            yield Site(listener.getsockname()[1], server, started[0])
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the site did not stop"


@dataclass
class Machine:
    """One boot of one game server; it numbers its reports itself."""

    site: Site
    key: NewKey
    game_id: int
    name: str = "server-1"
    boot: str = "boot-1"
    seq: int = field(default=0, init=False)

    @property
    def id(self) -> int:
        return server_key(self.game_id, self.name, self.boot)

    def report(self, **changes: Any) -> Json:
        """The next report; `changes` are laid over it, `None` leaves a field out."""
        self.seq = changes.get("seq") or self.seq + 1
        return make_report(**{"server": {"id": self.name, "boot": self.boot}, "seq": self.seq} | changes)

    def send(self, **changes: Any) -> Answer:
        """The next report, over HTTP."""
        return self.site.post(self.report(**changes), key=self.key)

    def send_first(self, **changes: Any) -> Answer:
        """A first report as agents should make it: a snapshot in one part."""
        answer = self.send(snapshot={"part": 1, "of": 1}, **changes)
        assert answer.body.get("resync") is False, answer
        return answer

    @property
    def state(self) -> ServerState:
        """Its committed row, read over another connection than the one that wrote it."""
        return ServerState.objects.get(server_id=self.id)

    def connections(self) -> dict[int, Connection]:
        """The committed registry by connection id."""
        return {row.connection_id: row for row in Connection.objects.filter(server_id=self.id)}

    def registered(self) -> set[int]:
        """The ids of the committed registry."""
        return set(self.connections())

    def counters(self) -> dict[str, tuple[int, int, int, int, int, int]]:
        """By service: live, opened, closed, idle, orphaned, stale."""
        state = self.state
        names = Service.objects.in_bulk(state.service_ids)
        columns = (state.live, state.opened, state.closed, state.idle, state.orphaned, state.stale)
        return {names[pk].name: tuple(values) for pk, *values in zip(state.service_ids, *columns, strict=True)}

    def pools(self) -> dict[str, tuple[int, int, int, int]]:
        """By type: size, in use, hits, misses."""
        state = self.state
        columns = (state.pool_size, state.pool_in_use, state.pool_hits, state.pool_misses)
        return {name: tuple(values) for name, *values in zip(state.pool_types, *columns, strict=True)}  # type: ignore[misc]

    def refusals(self) -> QuerySet[RefusedReport]:
        """What was kept of refused reports of the whole game."""
        return RefusedReport.objects.filter(game_id=self.game_id)

    def everything(self) -> object:
        """All that is stored of this boot, to see that nothing changed."""
        state = ServerState.objects.filter(server_id=self.id).values().first()
        rows = Connection.objects.filter(server_id=self.id).order_by("service_id", "connection_id").values()
        return state, [{**row, "pk": None} for row in rows]


def make_report(**changes: Any) -> Json:
    """A small valid report with `changes` laid over it; a field set to None is left out."""
    server = {"id": "server-1", "boot": "boot-1", "agent": "tests/1"} | changes.pop("server", {})
    report = {"kind": "report", "v": 1, "server": server, "seq": 1, "sent_at": SENT_AT, "players": 3} | changes
    return {name: value for name, value in report.items() if value is not None}


def opened(number: int, **changes: Any) -> Json:
    """An opened connection."""
    event = {
        "id": number,
        "service": "CombatService",
        "owner": "player:261",
        "owner_kind": "player",
        "name": "Died",
        "type": "Humanoid.Died",
        "at": SENT_AT - 5,
        "site": "ServerScriptService.CombatService:118",
    }
    return event | changes


def closed(number: int, service: str = "CombatService") -> Json:
    """A closed connection."""
    return {"id": number, "service": service}


def changed(number: int, state: str, service: str = "CombatService") -> Json:
    """A connection in another state."""
    return {"id": number, "service": service, "state": state}


def service(name: str = "CombatService", **changes: int) -> Json:
    """A service's counters."""
    return {"name": name, "live": 2, "opened": 5, "closed": 3} | changes


def pool(kind: str = "Heartbeat", **changes: int) -> Json:
    """A pool's counters."""
    return {"type": kind, "size": 10, "in_use": 4, "hits": 80, "misses": 20} | changes


def profile(line: int = 42, **changes: Any) -> Json:
    """What the callbacks of one site have cost."""
    cost = {"count": 36_000, "total_us": 5_400_000, "p50_us": 126.992, "p95_us": 320, "max_us": 4_100.5}
    place = {"service": "CombatService", "type": "Heartbeat", "site": f"ServerScriptService.CombatService:{line}"}
    return place | cost | changes


def encode(body: Json) -> bytes:
    return json.dumps(body).encode()


def bearer(key: NewKey | str) -> str:
    return f"Bearer {key if isinstance(key, str) else key.plaintext}"


def read_answer(response: http.client.HTTPResponse) -> Answer:
    raw = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    is_json = "json" in headers.get("content-type", "")
    return Answer(response.status, headers, json.loads(raw) if is_json else raw.decode("utf-8", "replace"))
