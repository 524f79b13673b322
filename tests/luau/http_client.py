"""A keep-alive HTTP client for one address, small enough to sit beside the game servers' VMs."""

import http.client
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from luauvm import HttpRequest

TIMEOUT = 10.0  # seconds; the agent itself gives a request 30


@dataclass(frozen=True)
class HttpAnswer:
    """What came back. `error` is set, and the rest empty, when nothing did."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""


class KeepAliveClient:
    """Sends requests to `url`'s host over one connection, opened anew when the server has closed it.

    Not for several threads at once: give each its own.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"The address takes the form http://host:port, not {url!r}.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT)

    def send(self, request: HttpRequest) -> HttpAnswer:
        """The answer to `request`; a failure is an answer with `error`, for the agent inside to deal with."""
        path = urlsplit(request.url).path
        try:
            self._connection.request(request.method, path, request.body, request.headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request connects again
            return HttpAnswer(error=f"HttpError: {type(error).__name__}: {error}")
        return HttpAnswer(response.status, body, dict(response.getheaders()))

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()
