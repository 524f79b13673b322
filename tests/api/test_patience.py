"""A sender that trickles its request's headers holds a socket, and is let go; the others are served meanwhile."""

import socket
import time

import pytest

from connmon.runtime import patience
from tests.machine import Machine, Site

SECONDS = 0.3


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADER_SECONDS", SECONDS)


def read_all(sender: socket.socket) -> bytes:
    sender.settimeout(10)
    return b"".join(iter(lambda: sender.recv(4096), b""))


def test_headers_that_do_not_end_are_refused(site: Site, server: Machine) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as sender:
        sender.sendall(b"POST /api/v1/reports HTTP/1.1\r\nHost: lo")
        assert server.send_first().status == 200
        answer = read_all(sender)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"did not arrive in time" in answer


def test_a_connection_that_says_nothing_is_closed(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as sender:
        assert read_all(sender).startswith(b"HTTP/1.1 400")


def test_a_connection_that_waits_for_its_next_request_is_left_alone(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as sender:
        for _ in range(2):
            sender.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sender.settimeout(10)
            assert sender.recv(4096).startswith(b"HTTP/1.1 200")
            time.sleep(SECONDS * 1.5)


def test_the_second_request_of_a_connection_has_no_more_time_than_the_first(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as sender:
        sender.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sender.settimeout(10)
        assert sender.recv(4096).startswith(b"HTTP/1.1 200")
        time.sleep(SECONDS * 1.5)  # the timer has rung meanwhile
        sender.sendall(b"GET /healthz HTTP/1.1\r\nHost: lo")
        assert read_all(sender).startswith(b"HTTP/1.1 400")
