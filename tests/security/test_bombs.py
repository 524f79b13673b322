"""Bodies and headers that are too large, too slow, too deep or too many: each is refused, and others are served."""

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from api import bodies
from connmon.registry.models import ServerState
from connmon.runtime.patience import MAX_HEADER_BYTES
from connmon.wire import v1
from tests.machine import PATIENCE, REPORTS, Machine, Site, bearer
from tests.security.tally import TALLY, WHOLE

IDLE_SOCKETS = 400 if WHOLE else 40
PATHS = ["/login/", "/api/v1/cleanup/plans", "/nowhere", "/g/dungeon/setup/keys/"]


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def read_all(sender: socket.socket) -> bytes:
    """Until the site hangs up; a reset counts as that."""
    sender.settimeout(PATIENCE)
    told = b""
    try:
        while part := sender.recv(65_536):
            told += part
    except ConnectionResetError:
        pass
    TALLY.requests += 1
    return told


def send_while_it_is_taken(sender: socket.socket, parts: Iterator[bytes]) -> int:
    """How many bytes were taken before the site hung up."""
    sent = 0
    try:
        for part in parts:
            sender.sendall(part)
            sent += len(part)
    except (ConnectionResetError, BrokenPipeError):
        pass
    return sent


def bombs() -> dict[str, tuple[bytes, dict[str, str], str]]:
    """By name: a body, its headers, and the code that it is refused with."""
    zipped = {"content_encoding": "gzip"}
    deep = 40_000  # still below the bound of a body
    return {
        "zeros": (gzip.compress(b"\0" * 64_000_000), zipped, "body-too-large"),
        "spaces": (gzip.compress(b" " * (v1.MAX_INFLATED + 1)), zipped, "body-too-large"),
        "gzip in gzip": (gzip.compress(gzip.compress(b"{}")), zipped, "not-json"),
        "no gzip": (b"{}", zipped, "bad-gzip"),
        "deep arrays": (b"[" * deep + b"]" * deep, {}, "not-json"),
        "deep objects": (b'{"a":' * deep + b"1" + b"}" * deep, {}, "not-json"),
        "long number": (b'{"kind":"report","seq":' + b"9" * deep + b"}", {}, "not-json"),
        "infinity": (b'{"kind":"report","v":1,"sent_at":1e999}', {}, "not-json"),
    }


@pytest.mark.parametrize("name", list(bombs()))
def test_a_bomb_is_refused_and_stores_nothing(name: str, server: Machine) -> None:
    body, headers, code = bombs()[name]
    answer = server.site.post(body, key=server.key, **headers)
    TALLY.note(answer.status)
    assert answer.status in {400, 413, 422}, answer
    assert answer.code in {code, "invalid-report"}
    assert not ServerState.objects.exists()
    assert server.send_first().status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["announced", "endless"])
def test_an_upload_is_not_written_down_before_it_is_known_who_sends(
    site: Site, server: Machine, path: str, kind: str
) -> None:
    lines = ["Content-Type: application/x-www-form-urlencoded"]
    lines.append("Content-Length: 4000000000" if kind == "announced" else "Transfer-Encoding: chunked")
    part = b"a" * 65_536
    chunk = part if kind == "announced" else b"10000\r\n" + part + b"\r\n"
    with site.open_raw() as sender:
        sender.sendall(head("POST", path, *lines))
        sent = send_while_it_is_taken(sender, (chunk for _ in range(2_000)))
        answer = read_all(sender)
    assert sent < 32 * 1024 * 1024
    assert not answer or answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_trickles_is_let_go(
    site: Site, server: Machine, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.3)
    with site.open_raw() as sender:
        sender.sendall(head("POST", path, "Content-Length: 1000") + b"a")
        assert server.send_first().status == 200
        answer = read_all(sender)
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "body-timeout"


def test_headers_without_end_are_let_go(site: Site, server: Machine) -> None:
    for begin in (b"X-Long: ", b""):
        with site.open_raw() as sender:
            sender.sendall(head("GET", "/healthz")[:-2] + begin)
            line = b"a" * 65_536 if begin else b"X: " + b"a" * 1_000 + b"\r\n"
            sent = send_while_it_is_taken(sender, (line for _ in range(200_000_000 // len(line))))
            answer = read_all(sender)
        assert sent < 64 * MAX_HEADER_BYTES
        assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert server.send_first().status == 200


def test_many_headers_and_long_addresses_break_nothing(site: Site, server: Machine) -> None:
    requests = [
        head("GET", "/" + "a" * 60_000),
        head("GET", "/login/?" + "a=1&" * 5_000),
        head("GET", "/login/", *(f"X-{number}: 1" for number in range(3_000))),
        head("GET", "/login/", "Cookie: " + "a=1; " * 10_000),
        head("GET", "/g/%00/"),
        head("GET", "/g/%ff%fe/"),
        head("GET", "/g/..%2f..%2fetc/passwd"),
        head("POST", REPORTS, f"Authorization: {bearer(server.key)}", "Content-Length: -1"),
        head("POST", REPORTS, "Content-Length: 5", "Transfer-Encoding: chunked"),
    ]
    for asked in requests:
        with site.open_raw() as sender:
            sender.sendall(asked)
            sender.shutdown(socket.SHUT_WR)
            answer = read_all(sender)
        status = int(answer.split(b" ", 2)[1]) if answer else 400
        TALLY.server_errors += status >= 500
        assert status < 500, (asked[:60], answer[:300])


def test_sockets_that_say_nothing_keep_nobody_out(site: Site, server: Machine) -> None:
    with ExitStack() as stack:
        for number in range(IDLE_SOCKETS):
            stack.enter_context(site.open_raw())
            if number % 4 == 0:
                agent = f"ws://127.0.0.1:{site.port}/ws/v1/agent"
                key = {"Authorization": bearer(server.key)}
                stack.enter_context(connect(agent, additional_headers=key, proxy=None, open_timeout=PATIENCE))
            TALLY.requests += 1
        assert server.send_first().status == 200
        assert site.get("/healthz").status == 200
