"""The way out: where it leads, and where it must not. A stand-in on loopback plays the other side."""

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from connmon.alerts.messages import Message
from connmon.alerts.outbound import Sender, split_url
from connmon.alerts.states import DestinationKind
from connmon.core.errors import Invalid

HOST = "hooks.example.com"


class StandIn(ThreadingHTTPServer):
    """Answers as told, keeps what came."""

    daemon_threads = True
    status, headers, size, drip = 200, {}, 0, False  # type: ignore[var-annotated]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.written = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are what is tested."""


class Answering(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        while self.server.drip:
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.02)
        for _ in range(self.server.size // 65_536):
            self.server.written += self.wfile.write(b"x" * 65_536)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.drip = False
        server.shutdown()
        thread.join(10)


def message_to(server: StandIn, *, scheme: str = "http", path: str = "/T0/x?wait=1") -> Message:
    address = f"{scheme}://{HOST}:{server.server_port}{path}"
    return Message(DestinationKind.WEBHOOK, address, "subject", b'{"a":1}', {"Content-Type": "application/json"})


def make_sender(**more: Any) -> Sender:
    """One that finds every host on loopback and may go there."""
    own: dict[str, Any] = {"resolve": lambda *_: ["127.0.0.1"], "is_allowed": lambda _: True, "allow_http": True}
    return Sender(**own | more)


def test_a_message_goes_to_the_address_that_was_looked_at_under_the_hosts_name(stand_in: StandIn) -> None:
    outcome = make_sender()(message_to(stand_in))
    assert outcome.sent
    path, headers, body = stand_in.came[0]
    assert (path, body) == ("/T0/x?wait=1", b'{"a":1}')
    assert headers["Host"] == f"{HOST}:{stand_in.server_port}"


def test_the_host_is_resolved_once(stand_in: StandIn) -> None:
    """A name that answers differently the second time (DNS rebinding) gets no second time."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    make_sender(resolve=resolve)(message_to(stand_in))
    assert asked == [HOST]


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], []]
)
def test_a_host_that_leads_inside_is_never_called(
    stand_in: StandIn, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr("connmon.alerts.outbound.socket.create_connection", refuse)
    outcome = Sender(resolve=lambda *_: found, allow_http=True)(message_to(stand_in))
    assert (outcome.sent, outcome.retry) == (False, False)
    assert "not on the public internet" in outcome.detail


def test_plain_http_is_refused_unless_it_is_allowed(stand_in: StandIn) -> None:
    outcome = make_sender(allow_http=False)(message_to(stand_in))
    assert "https://" in outcome.detail
    assert not stand_in.came


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(stand_in: StandIn, status: int) -> None:
    stand_in.status, stand_in.headers = status, {"Location": "/elsewhere"}
    outcome = make_sender()(message_to(stand_in))
    assert (outcome.sent, outcome.retry, len(stand_in.came)) == (False, False, 1)


@pytest.mark.parametrize(
    ("status", "retry"), [(400, False), (404, False), (408, True), (429, True), (500, True), (503, True)]
)
def test_an_answer_says_whether_it_may_go_better_later(stand_in: StandIn, status: int, retry: bool) -> None:
    stand_in.status, stand_in.headers = status, {"Retry-After": "7"}
    outcome = make_sender()(message_to(stand_in))
    assert (outcome.sent, outcome.retry, outcome.retry_after) == (False, retry, 7.0)


def test_an_endless_answer_is_cut_off_after_its_cap(stand_in: StandIn) -> None:
    stand_in.size = 64 * 1024 * 1024
    assert make_sender()(message_to(stand_in)).sent
    assert stand_in.written < stand_in.size


def test_an_answer_that_drips_ends_at_the_time_out(stand_in: StandIn) -> None:
    stand_in.drip = True
    began = time.monotonic()
    make_sender(timeout=0.3)(message_to(stand_in))
    assert time.monotonic() - began < 5


def test_nobody_there_is_tried_again(stand_in: StandIn) -> None:
    message = message_to(stand_in)
    stand_in.socket.close()
    outcome = make_sender(timeout=2.0)(message)
    assert (outcome.sent, outcome.retry) == (False, True)


def test_a_name_that_is_not_found_is_tried_again(stand_in: StandIn) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    assert make_sender(resolve=resolve)(message_to(stand_in)).retry


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")

    def make(host: str) -> tuple[Path, Path]:
        key, cert = folder / f"{host}.key", folder / f"{host}.crt"
        subject = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        files = ["-days", "2", "-keyout", str(key), "-out", str(cert)]
        subprocess.run([*command, *subject, *files], check=True, capture_output=True)
        return key, cert

    return make


@pytest.mark.parametrize(("named", "sent"), [(HOST, True), ("other.example.com", False)])
def test_tls_is_checked_against_the_hosts_name(
    stand_in: StandIn, certificate: Callable[[str], tuple[Path, Path]], named: str, sent: bool
) -> None:
    key, cert = certificate(named)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    asked: list[str | None] = []
    serving.sni_callback = lambda _, name, __: asked.append(name)
    stand_in.socket = serving.wrap_socket(stand_in.socket, server_side=True)
    outcome = make_sender(tls=ssl.create_default_context(cafile=str(cert)))(message_to(stand_in, scheme="https"))
    assert (outcome.sent, asked) == (sent, [HOST])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https:///x", "example.com",
        "https://user:pw@example.com/", "https://user@example.com/", "https://2130706433/", "https://0x7f000001/",
        "https://0177.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://example.com:0/",
        "https://example.com:99999/", "https://exa mple.com/", "https://example.com/\r\nX: 1", "https://exämple.com/",
        "https://example.com\\@127.0.0.1/", "https://[::1", "https://a..b/", "https://" + "a" * 2_000, "",
    ],
)  # fmt: skip
def test_an_address_that_hides_something_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        split_url(url)


def test_an_ordinary_address_is_taken_apart() -> None:
    target = split_url("https://discord.com/api/webhooks/1/x?wait=true")
    assert (target.host, target.port, target.path) == ("discord.com", 443, "/api/webhooks/1/x?wait=true")


def test_an_email_goes_through_the_mail_backend() -> None:
    outcome = Sender()(Message(DestinationKind.EMAIL, "ops@example.com", "[CRITICAL] Dungeon", b"text"))
    assert outcome.sent
    assert [(one.subject, one.to) for one in mail.outbox] == [("[CRITICAL] Dungeon", ["ops@example.com"])]
