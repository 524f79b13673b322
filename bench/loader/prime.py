"""Send each server's first requests before a measurement: they are then known, at no first-time cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.loader.script import Script

# A first request may create hundreds of series or rows on the other side.
ANSWER_TIMEOUT_S = 30.0


class PrimeError(RuntimeError):
    """A first request was refused; the message carries the status and the start of the answer."""


def prime(url: str, script: Script, *, rounds: int = 1, headers: Mapping[str, str] | None = None) -> Script:
    """Send `rounds` requests of every server, one after the other; return the script that goes on from there.

    Raises PrimeError at the first answer without the expected status, and OSError when nobody listens.
    """
    connection = HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_TIMEOUT_S)
    sent_headers = {"Content-Type": script.content_type, **(headers or {})}
    try:
        for seq in range(script.first_seq, script.first_seq + rounds):
            for server in script.servers:
                _send_one(connection, script, server, seq, sent_headers)
    finally:
        connection.close()
    return script.starting_at(script.first_seq + rounds)


def _send_one(connection: HTTPConnection, script: Script, server: str, seq: int, headers: Mapping[str, str]) -> None:
    now_ms = time.time_ns() // 1_000_000
    path = script.render(script.path, server=server, seq=seq, now_ms=now_ms)
    body = script.render(script.body_for(seq), server=server, seq=seq, now_ms=now_ms)
    connection.request("POST", path, body.encode(), dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != script.expected_status:
        raise PrimeError(f"{path} answered {answer.status}, not {script.expected_status}: {text[:500]!r}")
