"""The web address: its listening socket, and asking the site how it is."""

import asyncio
import errno
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from connmon.runtime.console import Console
from connmon.runtime.errors import StartError

BACKLOG = 2048  # connections that wait while a web process is started again
PROBE_PATIENCE = 3.0  # seconds for one answer; /readyz itself takes at most two
PROBE_EVERY = 0.2  # seconds
PROGRESS_EVERY = 5.0  # seconds
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


@dataclass(frozen=True, slots=True)
class Site:
    """A bound socket and how to reach it from this machine."""

    listener: socket.socket
    host: str  # as the user wrote it
    host_header: str  # a name that Django's ALLOWED_HOSTS accepts

    @property
    def port(self) -> int:
        """The port, also when 0 was asked for."""
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = WILDCARDS.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def listen(self) -> None:
        """Take connections from now on; again and again does no harm."""
        self.listener.listen(BACKLOG)


@contextmanager
def bind(host: str, port: int, host_header: str) -> Iterator[Site]:
    """Take the address for the length of the block, without listening yet.

    A client that comes while the database still recovers is told at once that nobody is there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StartError(f"--host {host} is no address of this machine: {error.strerror}.") from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # uvicorn takes a socket handed over by number for a unix socket and would leave Nagle's delay on, 40 ms an
        # answer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise StartError(explain_bind(error, host, port)) from error
        yield Site(listener, host, host_header)


def explain_bind(error: OSError, host: str, port: int) -> str:
    """Why the address cannot be had, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program. Choose another: manage.py up --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have. Choose one above 1023: manage.py up --port 8000"
    return f"{host}:{port} cannot be listened on: {error.strerror}. Choose another with --host and --port."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site said."""

    status: int
    body: bytes


async def ask(site: Site, path: str) -> Answer | None:
    """GET a path of the site; None while it does not answer."""
    host = WILDCARDS.get(site.host, site.host)
    with suppress(OSError, TimeoutError, ValueError, IndexError):
        async with asyncio.timeout(PROBE_PATIENCE):
            reader, writer = await asyncio.open_connection(host, site.port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {site.host_header}\r\n\r\n".encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
                return Answer(int(head.split(b" ", 2)[1]), body)
            finally:
                writer.close()
    return None


async def await_ready(site: Site, console: Console) -> None:
    """Wait until /healthz answers and /readyz says 200, with a line every few seconds about what is missing."""
    began = time.monotonic()
    next_line = began + PROGRESS_EVERY
    missing = "the web process"
    while True:
        if await ask(site, "/healthz") is not None:
            answer = await ask(site, "/readyz")
            if answer is not None and answer.status == 200:
                return
            missing = name_missing(answer)
        if time.monotonic() >= next_line:
            console.say(f"waiting for {missing}, {time.monotonic() - began:.0f} s …")
            next_line += PROGRESS_EVERY
        await asyncio.sleep(PROBE_EVERY)


def name_missing(answer: Answer | None) -> str:
    """The parts that /readyz does not call ok."""
    with suppress(ValueError, AttributeError, TypeError):
        parts = json.loads(answer.body)["parts"] if answer else {}
        names = [name for name, part in parts.items() if part["state"] != "ok"]
        if names:
            return ", ".join(names)
    return f"/readyz (status {answer.status})" if answer else "/readyz"
