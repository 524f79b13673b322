"""How much one key, or one address without a good key, may ask of a process."""

import time
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

NAMES: Final = 20_000  # kept at once; then all begin anew, which lets a burst through and no more


class Buckets:
    """Token buckets by name: `rate` a second, bursts of up to `burst`."""

    def __init__(self, *, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._levels: dict[Hashable, tuple[float, float]] = {}  # name: (tokens, when that was)

    def take(self, name: Hashable) -> float:
        """0.0 if one more is fine (and counts it), else the seconds until it will be."""
        now = self._clock()
        tokens, since = self._levels.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        if tokens < 1.0:
            return (1.0 - tokens) / self._rate
        if len(self._levels) >= NAMES:
            self._levels.clear()
        self._levels[name] = (tokens - 1.0, now)
        return 0.0


def network_of(address: str) -> str:
    """Whose requests are counted together: an address, of IPv6 its /64, all of which one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a unix socket has none
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((int(parsed), 64), strict=False))
