"""Who asks, when a proxy speaks for them: forwarded headers count only if they come from an address that was named."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from connmon.core.env import SettingError

MOST: Final = 2_000  # characters of a forwarded header that are looked at: its end, which the nearest proxy wrote

Network = IPv4Network | IPv6Network


def read_networks(words: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks (`10.0.0.0/8`, `::1`). Raises SettingError."""
    try:
        return tuple(ip_network(word, strict=False) for word in words)
    except ValueError as error:
        raise SettingError(f"CONNMON_PROXIES takes addresses and networks, 10.0.0.0/8,::1: {error}.") from None


class Proxies:
    """The proxies of an installation."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks

    def resolve(self, scope: Mapping[str, Any]) -> tuple[str, str]:
        """(address of who asks, scheme they used) of an ASGI connection: its own, or what a named proxy says.

        Of a chain in X-Forwarded-For the last address counts that is no named proxy: all before it can be made up.
        """
        client = scope.get("client")
        peer, scheme = (client[0] if client else ""), scope.get("scheme", "http")
        if not self.speak(scope):
            return peer, scheme
        headers = dict(scope["headers"])
        chain = headers.get(b"x-forwarded-for", b"").decode("latin-1")[-MOST:].split(",")
        address = next((word.strip() for word in reversed(chain) if not self._names(word.strip())), peer)
        forwarded = headers.get(b"x-forwarded-proto", b"").decode("latin-1").rpartition(",")[2].strip().lower()
        if forwarded in {"http", "https"}:
            secure = forwarded == "https"
            scheme = ("wss" if secure else "ws") if scope["type"] == "websocket" else forwarded
        return (address if _is_address(address) else peer), scheme

    def speak(self, scope: Mapping[str, Any]) -> bool:
        """Whether one of them made this connection, so that what its headers say counts."""
        if not self._networks:
            return False
        client = scope.get("client")
        return bool(client and self._names(client[0]))

    def applied(self, scope: dict[str, Any]) -> dict[str, Any]:
        """The scope as it would be without the proxies."""
        if not self._networks:
            return scope
        address, scheme = self.resolve(scope)
        client = scope.get("client")
        port = client[1] if client and client[0] == address else 0
        return {**scope, "client": (address, port), "scheme": scheme}

    def _names(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True
