"""uvicorn's HTTP protocol with an end to its patience: who trickles a request's headers, or heaps them, is let go."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES: Final = 64 * 1024  # of one request; the parser keeps an unfinished header whatever its size
HEADER_SECONDS: Final = 15.0  # from the first byte, or from the connection, until a request's headers are complete


class PatientHttpProtocol(HttpToolsProtocol):
    """Bodies have a deadline of their own where they are read (api/ingest.py).

    A connection has one timer for all its requests, which looks when it rings: set and cancelled for each request it
    would cost as much as parsing the headers.
    """

    _since: float | None = None  # when the headers began that are still awaited
    _timer: asyncio.TimerHandle | None = None
    _awaited_bytes = 0  # since the read in which the awaited headers began

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._awaited_bytes += len(data)
        super().data_received(data)
        if self._since is not None and self._awaited_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited_bytes = 0
        if self._since is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        self._since = None
        super().on_headers_complete()

    def _await_headers(self) -> None:
        self._since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(HEADER_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        left = self._since + HEADER_SECONDS - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
        elif not self.transport.is_closing():
            self.send_400_response("The request's headers did not arrive in time.")
