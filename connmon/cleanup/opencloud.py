"""Wakes live Roblox servers through Open Cloud: "report now". Best effort; the answer to the report is the truth.

Documented (Open Cloud v2, publishMessage): a message has at most 1,024 characters, a topic 80, a key makes at most
5,000 calls a minute; 429 may carry Retry-After.
"""

import http.client
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOST: Final = "apis.roblox.com"
TIMEOUT: Final = 5.0  # seconds for one call
MAX_MESSAGE: Final = 1_024  # characters
MAX_TOPIC: Final = 80  # characters
CALLS_PER_MINUTE: Final = 5_000  # of one key
SINGLE: Final = 50  # servers that are called by name; more are called all at once
ALL_TOPIC: Final = "cm:all"
MESSAGE: Final = '{"do":"report"}'


class Result(StrEnum):
    """What a call came to."""

    SENT = "sent"
    LIMITED = "limited"  # too many calls, theirs or our count; nothing more is tried until then
    REFUSED = "refused"  # key or universe is wrong; somebody must mend the configuration
    FAILED = "failed"  # a fault over there or on the way; not tried again, since a report is due soon anyway


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case


# Method, path, headers, body → answer. Raises OSError or http.client.HTTPException.
Transport = Callable[[str, str, Mapping[str, str], bytes], HttpAnswer]


def https_transport(method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    """One call over a connection of its own, verified by the system's certificates; redirects are not followed."""
    connection = http.client.HTTPSConnection(HOST, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        response.read(65_536)
        return HttpAnswer(response.status, {name.lower(): value for name, value in response.getheaders()})
    finally:
        connection.close()


class OpenCloud:
    """One key's calls. Not for several threads at once."""

    def __init__(
        self, key: str, *, transport: Transport = https_transport, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._key = key
        self._transport = transport
        self._clock = clock
        self._tokens = float(CALLS_PER_MINUTE)
        self._since = clock()
        self._quiet_until = clock()
        self._log = logging.getLogger("connmon.opencloud")

    def wake(self, universe: int, servers: Sequence[str]) -> Result:
        """Asks servers (their JobIds) to report now; many of them with one call to all. Never raises."""
        topics = [f"cm:{server}" for server in servers]
        if len(topics) > SINGLE or any(len(topic) > MAX_TOPIC for topic in topics):
            topics = [ALL_TOPIC]
        worst = Result.SENT
        for topic in topics:
            result = self.publish(universe, topic, MESSAGE)
            if result in {Result.LIMITED, Result.REFUSED}:
                return result
            worst = result if result is Result.FAILED else worst
        return worst

    def publish(self, universe: int, topic: str, message: str) -> Result:
        """One message. Never raises but for what the caller did wrong (ValueError: over the documented bounds)."""
        if len(message) > MAX_MESSAGE or not 1 <= len(topic) <= MAX_TOPIC:
            raise ValueError(f"A message has at most {MAX_MESSAGE} characters, a topic {MAX_TOPIC}.")
        if not self._may_call():
            return Result.LIMITED
        body = json.dumps({"topic": topic, "message": message}).encode()
        headers = {"x-api-key": self._key, "content-type": "application/json"}
        try:
            answer = self._transport("POST", f"/cloud/v2/universes/{universe}:publishMessage", headers, body)
        except (OSError, http.client.HTTPException) as error:
            self._log.warning("Open Cloud did not answer: %s", error)
            return Result.FAILED
        return self._read(answer, universe)

    def _may_call(self) -> bool:
        now = self._clock()
        if now < self._quiet_until:
            return False
        grown = self._tokens + (now - self._since) * CALLS_PER_MINUTE / 60
        self._tokens, self._since = min(float(CALLS_PER_MINUTE), grown), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _read(self, answer: HttpAnswer, universe: int) -> Result:
        if 200 <= answer.status < 300:
            return Result.SENT
        if answer.status == 429:
            raw = answer.headers.get("retry-after", "")
            wait = min(float(raw), 300.0) if raw.isascii() and raw.isdigit() else 10.0
            self._quiet_until = self._clock() + wait
            self._log.warning("Open Cloud wants %.0f s of silence", wait)
            return Result.LIMITED
        if 400 <= answer.status < 500:
            self._log.warning(
                "Open Cloud refused with %d: has the key the permission to publish messages in universe %d?",
                answer.status,
                universe,
            )
            return Result.REFUSED
        self._log.warning("Open Cloud failed with %d", answer.status)
        return Result.FAILED
