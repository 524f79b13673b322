"""Destinations are chosen by members: no way of writing an address makes connmon call its own network."""

import socket
from typing import Any, Final

import pytest

from connmon.alerts.messages import Message
from connmon.alerts.outbound import Sender
from connmon.alerts.rules import is_outside
from connmon.alerts.states import DestinationKind
from tests.security.tally import TALLY

INSIDE: Final = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1",
)  # fmt: skip
# As a URL's host; what the system would make of them is what matters, and is never asked.
WRITTEN: Final = (
    "localhost", "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "[::ffff:7f00:1]",
    "[fe80::1%25lo]", "0",
    "00", "①②⑦.0.0.1", "127。0。0。1", "169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal",
    "127.0.0.1%00.example.com", "example.com@127.0.0.1", "127.0.0.1#@example.com", "127.0.0.1:443\\@example.com",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens one fails the test."""

    def refuse(*called: Any, **_: Any) -> None:
        pytest.fail(f"a connection was opened: {called}")

    monkeypatch.setattr("connmon.alerts.outbound.socket.create_connection", refuse)


def resolve_as_the_system(host: str, port: int) -> list[str]:
    """Numbers as inet_aton reads them, as getaddrinfo would; every name is an inner one."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return [host if ":" in host else "127.0.0.1"]


def message_to(address: str) -> Message:
    return Message(DestinationKind.WEBHOOK, address, "subject", b"{}", {})


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_any_inner_network_is_not_outside(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("port", ["", ":443", ":5432", ":6379", ":22"])
def test_however_it_is_written_it_is_not_called(written: str, port: str) -> None:
    TALLY.requests += 1
    outcome = Sender(resolve=resolve_as_the_system)(message_to(f"https://{written}{port}/x"))
    assert (outcome.sent, outcome.retry) == (False, False), outcome


def test_a_name_that_leads_outside_and_inside_is_not_called_at_all() -> None:
    for found in (["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "::1"], ["127.0.0.1", "8.8.8.8"]):
        outcome = Sender(resolve=lambda *_, found=found: found)(message_to("https://rebind.example.com/"))
        assert "not on the public internet" in outcome.detail
