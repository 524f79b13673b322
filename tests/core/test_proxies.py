"""Forwarded headers count only from named proxies."""

from typing import Any

import pytest

from connmon.core.env import SettingError
from connmon.core.proxies import Proxies, read_networks

PROXIES = Proxies(read_networks(["10.0.0.0/8", "::1"]))


def scope(peer: str | None, kind: str = "http", scheme: str = "http", **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": kind, "scheme": scheme, "client": (peer, 4711) if peer else None, "headers": named}


@pytest.mark.parametrize(
    ("peer", "chain", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not named: what it says is its own invention
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the first was made up by the second
        ("10.0.0.2", "198.51.100.1, 10.0.0.3", "198.51.100.1"),  # two named proxies in a row
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.3", "10.0.0.2"),
        ("10.0.0.2", "<script>", "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1, unknown", "10.0.0.2"),
        (None, "198.51.100.1", ""),
    ],
)
def test_whose_address_counts(peer: str | None, chain: str, address: str) -> None:
    assert PROXIES.resolve(scope(peer, x_forwarded_for=chain))[0] == address


@pytest.mark.parametrize(
    ("peer", "kind", "said", "scheme"),
    [
        ("10.0.0.2", "http", "https", "https"),
        ("10.0.0.2", "http", "http, https", "https"),
        ("10.0.0.2", "http", "gopher", "http"),
        ("203.0.113.9", "http", "https", "http"),
        ("10.0.0.2", "websocket", "https", "wss"),
        ("10.0.0.2", "websocket", "http", "ws"),
    ],
)
def test_whose_scheme_counts(peer: str, kind: str, said: str, scheme: str) -> None:
    before = "http" if kind == "http" else "ws"
    assert PROXIES.resolve(scope(peer, kind, before, x_forwarded_proto=said))[1] == scheme


def test_the_scope_is_changed_for_those_behind_a_proxy_only() -> None:
    direct = scope("203.0.113.9", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert PROXIES.applied(direct) == direct
    behind = scope("10.0.0.2", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert PROXIES.applied(behind) == {**behind, "client": ("198.51.100.1", 0), "scheme": "https"}


def test_without_named_proxies_nothing_counts() -> None:
    asked = scope("127.0.0.1", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert Proxies(()).applied(asked) is asked


@pytest.mark.parametrize("word", ["localhost", "10.0.0.0/99", "*"])
def test_what_is_no_network_ends_the_start_with_a_sentence(word: str) -> None:
    with pytest.raises(SettingError, match="CONNMON_PROXIES takes addresses"):
        read_networks([word])
