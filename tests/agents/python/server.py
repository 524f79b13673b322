"""An HTTP server on loopback that does what a test tells it to, request by request."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from tests.agents.python.backend import Backend

PATIENCE: Final = 5.0  # seconds until a socket of the server gives up

Behaviour = Callable[["ScriptedServer", socket.socket, bytes], bool]  # False: the connection ends


def _answer(backend: Backend, body: bytes, head: str = "") -> bytes:
    status, answer = backend.take(body)
    return f"HTTP/1.1 {status} x\r\n{head}Content-Length: {len(answer)}\r\n\r\n".encode() + answer


def take(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Takes the report."""
    client.sendall(_answer(server.backend, body))
    return True


def take_and_close(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Takes it, then closes a connection that the client thinks is kept."""
    take(server, client, body)
    return False


def take_and_say_close(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Takes it, and says that the connection is over."""
    client.sendall(_answer(server.backend, body, "Connection: close\r\n"))
    return False


def take_chunked(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Takes it and answers in chunks, after an interim answer."""
    answer = server.backend.take(body)[1]
    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(answer), 7):
        chunk = answer[start : start + 7]
        client.sendall(f"{len(chunk):x};x=y\r\n".encode() + chunk + b"\r\n")
    client.sendall(b"0\r\nTrailer: x\r\n\r\n")
    return True


def take_until_the_end(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Takes it; the answer has no length but ends with the connection."""
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + server.backend.take(body)[1])
    return False


def hang(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Never answers."""
    server.stopped.wait(PATIENCE)
    return False


def trickle(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
    """Answers a byte at a time, without end."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not server.stopped.wait(0.02):
        client.sendall(b"x")
    return False


def say(text: bytes) -> Behaviour:
    """Sends `text`, whatever came."""

    def behaviour(server: "ScriptedServer", client: socket.socket, body: bytes) -> bool:
        client.sendall(text)
        return False

    return behaviour


class ScriptedServer:
    """`script`: what is done with the next requests; then each is taken. `bodies`: as they came over the wire."""

    def __init__(self) -> None:
        self.backend = Backend()
        self.backend.interval = 0.1
        self.script: deque[Behaviour] = deque()
        self.bodies: list[bytes] = []
        self.heads: list[str] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def close(self) -> None:
        """Ends all connections and threads."""
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            client.settimeout(PATIENCE)
            self._start(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            for head, body in self._requests(client):
                self.heads.append(head)
                self.bodies.append(body)
                behaviour = self.script.popleft() if self.script else take
                if not behaviour(self, client, body):
                    return

    def _requests(self, client: socket.socket) -> Iterator[tuple[str, bytes]]:
        buffer = b""
        while not self.stopped.is_set():
            while b"\r\n\r\n" not in buffer:
                received = client.recv(65_536)
                if not received:
                    return
                buffer += received
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            lines = head.decode().lower().split("\r\n")
            (length,) = (int(line.split(": ")[1]) for line in lines if line.startswith("content-length"))
            while len(buffer) < length:
                buffer += client.recv(65_536)
            yield head.decode(), buffer[:length]
            buffer = buffer[length:]
