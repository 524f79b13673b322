"""The one way out: HTTPS to addresses on the public internet, and nowhere else. Members choose the URLs, so a URL is
an attempt to reach our own network until shown otherwise.

The host is resolved once, and every address that comes back must lead outside. The connection goes to the very address
that was looked at, with the host's name in TLS and in `Host`. No redirect is followed, no proxy is used
(http.client knows of none).
"""

import http.client
import ipaddress
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.core.mail import BadHeaderError, EmailMessage

from connmon.alerts.faults import answer_fault, lookup_fault, mail_fault
from connmon.alerts.messages import Message
from connmon.alerts.rules import is_outside
from connmon.alerts.states import DestinationKind
from connmon.core.errors import Invalid

TIMEOUT: Final = 10.0  # seconds for all of it after the name was resolved
MAX_ANSWER: Final = 64 * 1024  # bytes of an answer that are read; nothing in it is used but its status
MAX_URL: Final = 1_000
RETRIED: Final = (408, 425, 429)  # of the 4xx; the others say that the message will never be taken
_NUMERIC_HOST: Final = re.compile(r"^(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?$", re.IGNORECASE)
_HOST: Final = re.compile(r"^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to. `retry`: it may go better later, not before `retry_after` seconds."""

    sent: bool
    detail: str
    retry: bool = False
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts; `path` with the query."""

    secure: bool
    host: str
    port: int
    path: str


Resolve = Callable[[str, int], list[str]]
Send = Callable[[Message], Outcome]


def split_url(url: str, *, allow_http: bool = False) -> Target:
    """The parts of a URL that may be called as far as its text tells. Raises Invalid with what to change."""
    if not 1 <= len(url) <= MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Invalid(f"An address is an https:// URL of at most {MAX_URL:,} ASCII characters without spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Invalid("This is no URL; copy the address from the service's own page.") from None
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise Invalid("An address begins with https://.")
    if parts.username is not None or parts.password is not None or not host or port == 0:
        raise Invalid("An address has a host name, and no user or password in front of it.")
    _check_host(host)
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path)


def _check_host(host: str) -> None:
    """An address that is written out must be a plain one; `0x7f.1` and `2130706433` are for those who hide one."""
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return
    if _NUMERIC_HOST.match(host) or not _HOST.match(host):
        raise Invalid("An address names its host by a domain name.")


def resolve_host(host: str, port: int) -> list[str]:
    """Every address of a host, as the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Sender:
    """Sends messages. Tests pass in who resolves, which addresses are allowed, and whom TLS trusts."""

    def __init__(
        self,
        *,
        resolve: Resolve = resolve_host,
        is_allowed: Callable[[str], bool] = is_outside,
        allow_http: bool = False,
        tls: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._resolve, self._is_allowed = resolve, is_allowed
        self._allow_http, self._timeout = allow_http, timeout
        self._tls = tls or ssl.create_default_context()

    def __call__(self, message: Message) -> Outcome:
        """One attempt. Faults of the network are outcomes, not exceptions."""
        if message.kind is DestinationKind.EMAIL:
            return _send_email(message)
        try:
            target = split_url(message.address, allow_http=self._allow_http)
            addresses = self._resolve(target.host, target.port)
        except Invalid as error:
            return Outcome(False, str(error))
        except (OSError, UnicodeError) as error:
            return Outcome(False, lookup_fault(error), retry=True)
        refused = [address for address in addresses if not self._is_allowed(address)]
        if refused or not addresses:
            return Outcome(False, "The host leads to an address that is not on the public internet; it is not called.")
        try:
            return self._post(target, addresses[0], message)
        except (OSError, http.client.HTTPException) as error:
            return Outcome(False, answer_fault(error), retry=True)

    def _post(self, target: Target, address: str, message: Message) -> Outcome:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=self._timeout)
        raw = socket.create_connection((address, target.port), timeout=self._timeout)
        # TLS takes the descriptor away from `raw`; a second one for the same connection stays ours.
        handle = raw.dup()
        # A socket's own time-out begins anew with each byte; this ends the whole, whatever the other side drips.
        watchdog = threading.Timer(self._timeout, _cut, [handle])
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.sock = self._wrap(raw, target) if target.secure else raw
            name = f"[{target.host}]" if ":" in target.host else target.host
            host = name if target.port == (443 if target.secure else 80) else f"{name}:{target.port}"
            headers = {"Host": host, "User-Agent": "connmon", "Connection": "close", **message.headers}
            connection.request("POST", target.path, body=message.body, headers=headers)
            answer = connection.getresponse()
            answer.read(MAX_ANSWER)
            return _judge(answer.status, answer.getheader("Retry-After", ""))
        finally:
            watchdog.cancel()
            connection.close()
            raw.close()
            handle.close()

    def _wrap(self, raw: socket.socket, target: Target) -> ssl.SSLSocket:
        return self._tls.wrap_socket(raw, server_hostname=target.host)


def _cut(raw: socket.socket) -> None:
    """Ends a connection from another thread, TLS or not: its reader gets an error at once."""
    with suppress(OSError):
        raw.shutdown(socket.SHUT_RDWR)


def _judge(status: int, retry_after: str) -> Outcome:
    detail = f"Answered with {status}."
    if 200 <= status < 300:
        return Outcome(True, detail)
    if 300 <= status < 400:
        return Outcome(False, f"{detail} Redirects are not followed: enter the address that it leads to.")
    wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return Outcome(False, detail, retry=status >= 500 or status in RETRIED, retry_after=wait)


def _send_email(message: Message) -> Outcome:
    try:
        EmailMessage(message.subject, message.body.decode(), to=[message.address]).send()
    except (BadHeaderError, smtplib.SMTPRecipientsRefused) as error:
        return Outcome(False, f"The mail server does not take it: {error}"[:300])
    except smtplib.SMTPException as error:
        return Outcome(False, f"The mail server did not take it: {error}"[:300], retry=True)
    except OSError as error:
        return Outcome(False, f"The mail server did not take it. {mail_fault(error)}", retry=True)
    return Outcome(True, "Handed to the mail server.")
