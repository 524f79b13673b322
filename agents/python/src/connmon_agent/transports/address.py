"""The backend's address and key, checked once, and what an attempt looks like on the wire."""

import gzip
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from connmon_agent.report import AGENT
from connmon_agent.transports import Request

GZIP_FROM: Final = 8 * 1024  # bytes of a body; below, compressing saves less than it costs
MOST_RATIO: Final = 50  # the backend takes what inflates a hundredfold for a bomb; such a body goes as it is
_GZIP_LEVEL: Final = 1  # a snapshot of 124 KB: 0.12 ms, to an eighteenth
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the backend is. `path`: what stands before the paths of the protocol, without a slash at its end."""

    secure: bool
    host: str
    port: int
    path: str
    authorization: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    def target(self, path: str) -> str:
        """The request target for a path of the protocol."""
        return f"{self.path}{path}"

    def socket_url(self, path: str) -> str:
        """The WebSocket address for a path of the protocol."""
        return f"{'wss' if self.secure else 'ws'}://{self.authority}{self.target(path)}"


def read_address(url: str, key: str) -> Address:
    """The address in `url` (http or https, host, if wanted port and path) with a report key. Raises ValueError."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f'url takes the backend\'s address, such as "https://connmon.example.com", not {url!r}')
    if not isinstance(key, str) or not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError('key takes a report key, "cm_…", as the page Setup shows it')
    return Address(
        secure=parts.scheme == "https",
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        path=parts.path.rstrip("/"),
        authorization=f"Bearer {key}",
    )


def http_message(address: Address, request: Request) -> tuple[dict[str, str], bytes]:
    """Headers and body of an attempt. The same report gives the same bytes each time."""
    headers = {
        "Host": address.authority,
        "User-Agent": AGENT,
        "Authorization": address.authorization,
        "Content-Type": "application/json",
    }
    body = request.body
    if len(body) > GZIP_FROM:
        compressed = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        if len(body) < MOST_RATIO * len(compressed):
            body = compressed
            headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    return headers, body
