"""HTTP over one kept connection, in one background thread: for servers without asyncio. Standard library only."""

import queue
import socket
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final

from connmon_agent.transports import MAX_ANSWER, REPORTS_PATH, Failure, Inbox, Request, Response
from connmon_agent.transports.address import http_message, read_address

TIMEOUT: Final = 15.0  # seconds for each step of the network; the reporter's own deadline is 30 s for all


class HttpTransport:
    """Sends reports to the backend at `url` with a report key. `context`: for https, other than the system's
    own.

    Raises ValueError for an address or key of no use.

    Example::

        agent = Agent(manager, HttpTransport("https://connmon.example.com", key))
    """

    def __init__(self, url: str, key: str, *, timeout: float = TIMEOUT, context: ssl.SSLContext | None = None) -> None:
        self.inbox = Inbox()
        self._address = read_address(url, key)
        self._timeout = timeout
        self._context = context
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._connection: HTTPConnection | None = None
        self._newest = 0  # token of the last request; an older one is not worth going on with
        self._busy = False
        self._thread: threading.Thread | None = None

    def send(self, request: Request) -> None:
        """Starts an attempt; ends an older one that still is under way."""
        self._newest = request.token
        if self._busy:
            self._hang_up()
        self._requests.put(request)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="connmon-agent", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends the thread; an attempt under way is broken off."""
        self._newest = -1
        self._requests.put(None)
        if self._busy:
            self._hang_up()

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            if request.token != self._newest:
                continue
            self._busy = True
            try:
                self.inbox.put(self._attempt(request))
            except Exception as error:  # of whatever kind: a thread that ended would end all reporting
                self._drop()
                self.inbox.put(Failure(request.token, f"{type(error).__name__}: {error}"))
            finally:
                self._busy = False
        self._drop()

    def _attempt(self, request: Request) -> Response:
        """One attempt; a second one when a kept connection turns out to have been closed by the other side."""
        headers, body = http_message(self._address, request)
        kept = self._connection is not None
        try:
            response = self._exchange(headers, body)
        except (ConnectionError, HTTPException):
            self._drop()
            if not kept or request.token != self._newest:
                raise
            response = self._exchange(headers, body)
        answer = response.read(MAX_ANSWER + 1)
        if response.will_close or len(answer) > MAX_ANSWER:
            self._drop()
        return Response(request.token, response.status, answer, response.headers.get("Retry-After"))

    def _exchange(self, headers: dict[str, str], body: bytes) -> HTTPResponse:
        if self._connection is None:
            self._connection = self._open()
        self._connection.request("POST", self._address.target(REPORTS_PATH), body, headers)
        return self._connection.getresponse()

    def _open(self) -> HTTPConnection:
        host, port = self._address.host, self._address.port
        if self._address.secure:
            context = self._context or ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=self._timeout, context=context)
        return HTTPConnection(host, port, timeout=self._timeout)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _hang_up(self) -> None:
        """From another thread: what waits on the socket wakes with an error."""
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # it was closed meanwhile
                return
