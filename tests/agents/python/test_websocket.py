"""The protocol over a WebSocket, from asyncio and from a thread."""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.agents.python.backend import Backend
from tests.agents.python.client import KEY, PATIENCE, SOCKETS, Client, Make

Behaviour = Callable[["SocketServer", ServerConnection, bytes], Awaitable[None]]


class SocketServer:
    """A backend's socket. `script`: what is done with the next frames; then each is taken."""

    def __init__(self) -> None:
        self.backend = Backend()
        self.backend.interval = 0.1
        self.script: deque[Behaviour] = deque()
        self.refuse: deque[int] = deque()  # statuses of the next handshakes
        self.frames: list[bytes] = []
        self.sockets: list[ServerConnection] = []
        self.authorizations: list[str | None] = []

    async def take(self, socket: ServerConnection, frame: bytes) -> None:
        """Takes a report."""
        await socket.send(self.backend.take(frame)[1].decode())

    def handshake(self, socket: ServerConnection, request: Request) -> Response | None:
        """Lets a client in, or not."""
        self.authorizations.append(request.headers.get("Authorization"))
        if self.refuse:
            return socket.respond(self.refuse.popleft(), "no")
        return None

    async def handle(self, socket: ServerConnection) -> None:
        """One client."""
        self.sockets.append(socket)
        async for frame in socket:
            self.frames.append(frame.encode() if isinstance(frame, str) else frame)
            behaviour = self.script.popleft() if self.script else SocketServer.take
            await behaviour(self, socket, self.frames[-1])


Test = Callable[[SocketServer, Client], Awaitable[None]]


def run(make: Make, test: Test, server: SocketServer | None = None) -> SocketServer:
    """Runs a test's coroutine against a server; afterwards no thread and no task of the agent may be left."""
    server = server or SocketServer()

    async def work() -> None:
        async with serve(server.handle, "127.0.0.1", 0, process_request=server.handshake) as running:
            port = running.sockets[0].getsockname()[1]
            client = Client(make(f"http://127.0.0.1:{port}/base", KEY, timeout=1))
            await test(server, client)
            await client.agent.aclose(timeout=0.1)

    asyncio.run(work())
    deadline = time.monotonic() + PATIENCE
    while any(thread.name == "connmon-agent" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a thread of the agent is left"
        time.sleep(0.005)
    return server


@pytest.fixture(params=SOCKETS.values(), ids=list(SOCKETS))
def make(request: pytest.FixtureRequest) -> Make:
    """Each transport in turn."""
    made: Make = request.param
    return made


def test_reports_go_over_one_socket(make: Make) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        client.connect(300)
        await client.until(lambda: len(server.backend.received) == 4)
        assert client.agent.status().retried == 0

    server = run(make, test)
    assert len(server.sockets) == 1
    assert server.authorizations == [f"Bearer {KEY}"]
    assert server.sockets[0].request is not None
    assert server.sockets[0].request.path == "/base/ws/v1/agent"
    assert len(server.backend.received[0].opened) == 301


def test_orders_that_are_pushed_are_carried_out_at_once(make: Make) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        server.backend.interval = 300
        client.connect(1)
        await client.until(lambda: server.backend.received and not client.agent.status().in_flight)
        (event,) = [event for event in server.backend.known.registry.values() if event.service == "Combat"]
        order = {"id": "ord_1", "connections": [[event.id, event.at]]}
        await server.sockets[0].send(json.dumps({"kind": "orders", "orders": [order]}))
        await client.until(lambda: len(server.backend.received) == 2)
        assert [outcome.closed for outcome in server.backend.received[1].outcomes] == [[event.id]]
        assert len(client.signal) == 0

    run(make, test)


async def _push_and_take(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    """What the backend sends by itself comes before the answer: orders, and a kind of a later protocol."""
    await socket.send(json.dumps({"kind": "orders", "orders": [{"id": "ord_1", "connections": [[999, 5.0]]}]}))
    await socket.send(json.dumps({"kind": "weather", "orders": [{"id": "ord_2", "connections": [[999, 5.0]]}]}))
    await server.take(socket, frame)


def test_orders_between_a_report_and_its_answer_are_not_the_answer(make: Make) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        server.script.append(_push_and_take)
        client.connect(1)
        await client.until(lambda: client.agent.status().acknowledged == 2)
        assert [outcome.order for report in server.backend.received for outcome in report.outcomes] == ["ord_1"]
        assert client.agent.status().retried == 0
        assert client.log == []

    run(make, test)


async def _problem(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    await socket.send(json.dumps({"kind": "problem", "status": 503, "code": "overloaded", "retry_after": 0}))


async def _close(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    await socket.close(4408, "silent")


async def _drop(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    socket.transport.abort()


async def _nonsense(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    for text in ("", "null", "[]", "<html>", '{"kind":"hello"}', b"\xff"):
        await socket.send(text)


async def _deep(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    await socket.send("[" * 100_000)


async def _huge(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    await socket.send("x" * 2_000_000)


async def _take_and_drop(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
    server.backend.take(frame)
    socket.transport.abort()


FAULTS = {
    "answers with a problem": _problem,
    "closes the socket": _close,
    "drops the socket": _drop,
    "takes the report and drops the socket": _take_and_drop,
    "answers nonsense": _nonsense,
    "answers something deep": _deep,
    "answers something huge": _huge,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_waited_out_and_the_report_sent_again(make: Make, fault: Behaviour) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        server.script.append(fault)
        client.connect(1)
        await client.until(lambda: client.agent.status().acknowledged == 2)
        assert client.agent.status().retried >= 1

    server = run(make, test)
    assert server.frames[0] == server.frames[1]
    assert [report.seq for report in server.backend.received[:2]] == [1, 2]


@pytest.mark.parametrize("status", [503, 404, 301])
def test_a_handshake_that_is_refused_is_tried_again(make: Make, status: int) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        server.refuse.extend([status] * 2)
        await client.until(lambda: server.backend.received)

    run(make, test)


def test_a_key_that_is_refused_is_said_once_and_not_tried_at_once(make: Make) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        server.refuse.extend([401] * 20)
        await client.until(lambda: client.log)
        await asyncio.sleep(0.1)
        client.agent.step()
        assert (len(client.log), len(server.authorizations)) == (1, 1)

    run(make, test)


def test_a_socket_lost_between_two_reports_is_opened_anew(make: Make) -> None:
    async def test(server: SocketServer, client: Client) -> None:
        await client.until(lambda: len(server.backend.received) == 1 and not client.agent.status().in_flight)
        await server.sockets[0].close()
        await client.until(lambda: len(server.backend.received) >= 3)

    server = run(make, test)
    assert len(server.sockets) == 2


def test_a_step_never_waits_for_a_socket_that_hangs(make: Make) -> None:
    async def hang(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
        await asyncio.sleep(0)

    async def test(server: SocketServer, client: Client) -> None:
        server.script.extend([hang] * 20)
        client.connect(50)
        await client.until(lambda: server.frames)
        assert client.slowest_step < 1
        started = time.monotonic()
        assert not await client.agent.aclose(timeout=0.1)
        assert time.monotonic() - started < 3

    run(make, test)


def test_a_newer_attempt_gives_the_hanging_socket_up(make: Make) -> None:
    async def hang(server: SocketServer, socket: ServerConnection, frame: bytes) -> None:
        await asyncio.sleep(0)

    async def test(server: SocketServer, client: Client) -> None:
        server.script.append(hang)
        clock = client.manager.core.host
        await client.until(lambda: server.frames)
        now = clock.now
        clock.now = lambda: now() + 31  # past the reporter's deadline
        await client.until(lambda: server.backend.received)

    server = run(make, test)
    assert len(server.sockets) == 2


def test_nobody_listens(make: Make) -> None:
    async def work() -> None:
        client = Client(make("http://127.0.0.1:1", KEY, timeout=0.3))
        await client.until(lambda: client.agent.status().retried > 2)
        await client.agent.aclose(timeout=0.1)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("url", "key"), [("ws://host", KEY), ("", KEY), (None, KEY), ("http://host", ""), ("http://host", None)]
)
def test_an_address_or_key_of_no_use_is_an_error(make: Make, url: Any, key: Any) -> None:
    with pytest.raises(ValueError, match=r"url takes|key takes"):
        make(url, key)
