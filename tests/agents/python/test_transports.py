"""HTTP from a thread, from asyncio, and from a loop in a thread: whatever the network does, the server goes on."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from connmon.wire import codec
from connmon_agent import HttpTransport
from connmon_agent.transports import Failure, Request, Response
from connmon_agent.transports.address import http_message, read_address
from tests.agents.python import server as scripted
from tests.agents.python.client import HTTP, KEY, PATIENCE, Client, Make, background, quick
from tests.agents.python.server import Behaviour, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that takes reports unless told otherwise."""
    running = ScriptedServer()
    yield running
    running.close()
    deadline = time.monotonic() + PATIENCE
    while any(thread.name == "connmon-agent" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a thread of the agent is left"
        time.sleep(0.005)


@pytest.fixture(params=HTTP.values(), ids=list(HTTP))
def make(request: pytest.FixtureRequest) -> Make:
    """Each transport in turn."""
    made: Make = request.param
    return made


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a test's coroutine; the transports of threads do not mind the loop."""
    asyncio.run(work)


def test_reports_go_over_one_kept_connection(server: ScriptedServer, make: Make) -> None:
    async def work() -> None:
        client = Client(make(server.url, KEY))
        await client.until(lambda: len(server.backend.received) == 4)
        await client.agent.aclose()

    run(work())
    assert server.connections == 1
    assert [report.seq for report in server.backend.received[:4]] == [1, 2, 3, 4]
    head = server.heads[0].lower()
    assert head.startswith("post /api/v1/reports http/1.1\r\n")
    assert f"authorization: bearer {KEY}" in head
    assert "content-type: application/json" in head
    assert "content-encoding" not in head


def test_a_long_body_is_compressed_and_the_same_bytes_each_time(server: ScriptedServer, make: Make) -> None:
    server.script.extend([scripted.say(b""), scripted.say(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n")])

    async def work() -> None:
        client = Client(make(server.url, KEY))
        client.connect(300)
        await client.until(lambda: server.backend.received)
        await client.agent.aclose()

    run(work())
    assert len(set(server.bodies[:3])) == 1
    assert "content-encoding: gzip" in server.heads[0].lower()
    assert len(codec.decode_report(codec.gunzip(server.bodies[0])).opened) == 301
    assert len(server.bodies[0]) < 20_000


def test_a_body_so_regular_that_it_looks_like_a_bomb_goes_as_it_is() -> None:
    headers, body = http_message(read_address("http://host", KEY), Request(1, 1, b"x" * 150_000))
    assert (len(body), "Content-Encoding" in headers) == (150_000, False)


FAULTS: dict[str, Behaviour] = {
    "drops the connection": scripted.say(b""),
    "answers nonsense": scripted.say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "answers half a head": scripted.say(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "answers half a body": scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "answers a length that is no number": scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"),
    "answers a status that is no number": scripted.say(b"HTTP/1.1 many OK\r\n\r\n"),
    "answers more than there is room for": scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}"),
    "answers a chunk that is no number": scripted.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "answers a head without end": scripted.say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000),
    "answers without end": scripted.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_500_000),
    "answers a page": scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
    "sends elsewhere": scripted.say(b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    "never answers": scripted.hang,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_waited_out_and_the_report_sent_again(server: ScriptedServer, make: Make, fault: Behaviour) -> None:
    server.script.append(fault)

    async def work() -> None:
        client = Client(make(server.url, KEY, timeout=0.15))
        client.connect(1)
        await client.until(lambda: len(server.backend.received) == 2)
        assert client.agent.status().retried >= 1
        await client.agent.aclose()

    run(work())
    assert [report.seq for report in server.backend.received[:2]] == [1, 2]
    assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize(
    "ending", [scripted.take_and_close, scripted.take_and_say_close, scripted.take_chunked, scripted.take_until_the_end]
)
def test_an_answer_in_any_form_of_http_is_understood(server: ScriptedServer, make: Make, ending: Behaviour) -> None:
    server.script.extend([ending] * 3)

    async def work() -> None:
        client = Client(make(server.url, KEY))
        await client.until(lambda: len(server.backend.received) == 5)
        assert client.agent.status().retried == 0  # a kept connection that has ended is no failure
        await client.agent.aclose()

    run(work())


def test_retry_after_is_read(server: ScriptedServer, make: Make) -> None:
    server.script.append(scripted.say(b"HTTP/1.1 429 x\r\nretry-after: 5\r\nContent-Length: 0\r\n\r\n"))

    async def work() -> None:
        client = Client(make(server.url, KEY))
        await client.until(lambda: server.bodies)
        started = quick()
        await client.until(lambda: server.backend.received)
        assert 4 < quick() - started < 60
        await client.agent.aclose()

    run(work())


@pytest.mark.parametrize("behaviour", [scripted.hang, scripted.trickle], ids=["hangs", "trickles"])
def test_a_step_never_waits_for_the_network(server: ScriptedServer, make: Make, behaviour: Behaviour) -> None:
    server.script.extend([behaviour] * 20)

    async def work() -> None:
        client = Client(make(server.url, KEY, timeout=5))
        client.connect(50)
        started = time.monotonic()
        await client.until(lambda: time.monotonic() - started > 0.1)
        assert client.slowest_step < 2
        started = time.monotonic()
        assert not await client.agent.aclose(timeout=0.1)
        assert time.monotonic() - started < 3

    run(work())


def test_nobody_listens(make: Make, server: ScriptedServer) -> None:
    server.close()

    async def work() -> None:
        client = Client(make(server.url, KEY, timeout=0.15))
        await client.until(lambda: client.agent.status().retried > 3)
        assert client.agent.status().acknowledged == 0
        await client.agent.aclose(timeout=0.1)

    run(work())


def test_a_name_that_nobody_has(make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)

    async def work() -> None:
        client = Client(make("http://no-such-host.invalid", KEY, timeout=0.15))
        await client.until(lambda: client.agent.status().sent > 1)
        await client.agent.aclose(timeout=0.1)

    run(work())


def test_https_where_there_is_none(make: Make, server: ScriptedServer) -> None:
    async def work() -> None:
        client = Client(make(server.url.replace("http", "https"), KEY, timeout=0.15))
        await client.until(lambda: client.agent.status().retried > 0)
        await client.agent.aclose(timeout=0.1)

    run(work())
    assert server.backend.received == []


def test_a_newer_attempt_ends_one_that_hangs(server: ScriptedServer, make: Make) -> None:
    server.script.append(scripted.hang)

    async def work() -> None:
        transport = make(server.url, KEY)
        game = Client(transport)
        body = b'{"kind":"report","v":1,"server":{"id":"s","boot":"b","agent":"a"},"seq":1,"sent_at":0}'
        transport.send(Request(1, 1, body))
        deadline = time.monotonic() + PATIENCE
        while not server.bodies:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.002)
        started = time.monotonic()
        transport.send(Request(2, 1, body))
        arrivals: dict[int, Response | Failure] = {}
        while 2 not in arrivals:
            assert time.monotonic() < deadline
            arrival = transport.inbox.take()
            if isinstance(arrival, Response | Failure):
                arrivals[arrival.token] = arrival
            await asyncio.sleep(0.002)
        assert isinstance(arrivals[2], Response)
        assert not isinstance(arrivals.get(1), Response)
        assert time.monotonic() - started < 2
        await game.agent.aclose(timeout=0.1)

    run(work())


def test_what_is_left_is_sent_at_the_close(server: ScriptedServer, make: Make) -> None:
    server.backend.interval = 300

    async def work() -> None:
        client = Client(make(server.url, KEY))
        await client.until(lambda: server.backend.received and not client.agent.status().in_flight)
        client.connect(1_500)
        assert await client.agent.aclose(timeout=5)

    run(work())
    assert server.backend.known.services["Combat"].live == 1_500
    assert sum(event.service == "Combat" for event in server.backend.known.registry.values()) == 1_500


@pytest.mark.parametrize("make", [HttpTransport, background])
def test_a_server_without_asyncio_closes_in_time(server: ScriptedServer, make: Make) -> None:
    client = Client(make(server.url, KEY))
    client.connect(10)
    assert client.agent.close(timeout=5)
    assert len(server.backend.known.registry) == 11
    server.script.extend([scripted.hang] * 5)
    hanging = Client(make(server.url, KEY))
    started = time.monotonic()
    assert not hanging.agent.close(timeout=0.3)
    assert time.monotonic() - started < 3


def test_the_agent_runs_as_a_task_and_wakes_at_each_answer(server: ScriptedServer, make: Make) -> None:
    async def work() -> None:
        client = Client(make(server.url, KEY))
        task = asyncio.create_task(client.agent.run())
        deadline = time.monotonic() + PATIENCE
        while len(server.backend.received) < 4:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)
        assert await client.agent.aclose()
        await asyncio.wait_for(task, PATIENCE)

    run(work())


def test_a_task_that_is_cancelled_ends(server: ScriptedServer, make: Make) -> None:
    async def work() -> None:
        client = Client(make(server.url, KEY))
        task = asyncio.create_task(client.agent.run())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.agent.aclose(timeout=1)

    run(work())


def test_a_loop_that_ends_without_a_close_takes_nothing_along(server: ScriptedServer, make: Make) -> None:
    def late(server: ScriptedServer, client: socket.socket, body: bytes) -> bool:
        time.sleep(0.1)
        return scripted.take(server, client, body)

    server.script.append(late)
    clients: list[Client] = []

    async def work() -> None:
        clients.append(Client(make(server.url, KEY)))
        task = asyncio.create_task(clients[0].agent.run())
        while not server.bodies:
            await asyncio.sleep(0.002)
        task.cancel()

    run(work())
    time.sleep(0.2)  # for the answer that nobody waits for; a fault of the thread would fail this test
    clients[0].transport.close()


def test_after_the_close_nothing_is_sent(server: ScriptedServer, make: Make) -> None:
    async def work() -> None:
        client = Client(make(server.url, KEY))
        assert await client.agent.aclose()
        sent = client.agent.status().sent
        client.manager.core.host.now = lambda: quick() + 1_000
        client.agent.step()
        assert client.agent.status().sent == sent

    run(work())


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", KEY),
        ("connmon.example.com", KEY),
        ("ftp://connmon.example.com", KEY),
        ("http://", KEY),
        ("http://host:port", KEY),
        ("http://host/?x=1", KEY),
        (None, KEY),
        (5, KEY),
        ("http://host", ""),
        ("http://host", None),
        ("http://host", "cm_1\r\nX: y"),
        ("http://host", "cm 1"),
        ("http://host", "cm_ключ"),
    ],
)
def test_an_address_or_key_of_no_use_is_an_error(make: Make, url: Any, key: Any) -> None:
    with pytest.raises(ValueError, match=r"url takes|key takes|[Pp]ort"):
        make(url, key)


def test_a_path_before_the_protocols_is_kept(server: ScriptedServer, make: Make) -> None:
    async def work() -> None:
        client = Client(make(server.url + "/connmon/", KEY))
        await client.until(lambda: server.heads)
        await client.agent.aclose()

    run(work())
    assert server.heads[0].startswith("POST /connmon/api/v1/reports HTTP/1.1")


def test_nonsense_for_an_answer_is_no_response_to_another_attempt(server: ScriptedServer) -> None:
    """The stand-in says what the real backend would: a report that was taken is not taken twice."""
    body = b'{"kind":"report","v":1,"server":{"id":"s","boot":"b","agent":"a"},"seq":1,"sent_at":0}'
    first, again = server.backend.take(body), server.backend.take(body)
    assert json.loads(first[1])["ack"] == json.loads(again[1])["ack"] == 1
    assert len(server.backend.received) == 1
