"""`POST /api/v1/reports`: a bare ASGI application that stands before Django (docs/decisions/0003-ingest.md).

Authenticate, bound, decode, one domain call, answer. Everything that can be refused is refused here, typed; what comes
back with 200 is committed.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import psycopg
from django.conf import settings

from api.deadlines import Deadlines
from api.limits import Buckets, network_of
from api.problems import CONTENT_TYPE, STATUSES, problem
from connmon.accounts.keyring import Key, KeyRefused, KeyRing
from connmon.cleanup.desk import Desk
from connmon.configuration.book import ConfigurationBook
from connmon.core import request_ids
from connmon.core.ids import server_key
from connmon.core.metrics import REFUSED
from connmon.registry.ingest import Ingest, utc_now
from connmon.registry.refusals import Refusals
from connmon.registry.rules import Step
from connmon.registry.submission import Unavailable
from connmon.wire import v1
from connmon.wire.codec import WireError, body_digest, decode_report, encode, gunzip

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_DROPPED: Final = 16 * 1024 * 1024  # bytes of a body that is too large: one who writes all first would see a reset
BODY_SECONDS: Final = 10.0  # for the whole body: a sender that trickles holds a buffer
HURRY: Final = 0.5  # seconds until the next report of a server that has just been given orders: it tells the outcome
BAD_KEYS_PER_SECOND: Final = 20.0  # from one address

_JSON: Final = (b"content-type", b"application/json")


class Refused(Exception):
    """Any refusal of a report, as its problem document says it."""

    def __init__(
        self, code: str, detail: str, *, pointer: str = "", retry_after: int | None = None, **more: int
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.retry_after = retry_after
        self.more = more

    def body(self, **more: Any) -> bytes:
        """The problem document, with `more` members, for its sender; counted as sent."""
        REFUSED.labels(self.code).inc()
        if self.retry_after is not None:
            more["retry_after"] = self.retry_after
        return msgspec.json.encode(problem(self.code, self.detail, pointer=self.pointer, **self.more, **more))


@dataclass(frozen=True, slots=True)
class Taken:
    """A committed report: the answer to send, seconds until the next report is due, whose it was."""

    answer: bytes
    interval: float
    server: str
    server_id: int


class ReportEdge:
    """Takes reports, whichever way they come; the agent's socket uses `admit` and `take` too."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        ingest: Ingest,
        refusals: Refusals,
        key_rate: int,
        book: ConfigurationBook | None = None,
        desk: Desk | None = None,
    ) -> None:
        self._keys = keys
        self._ingest = ingest
        self._book = book
        self._desk = desk
        self._refusals = refusals
        self._by_key = Buckets(rate=key_rate, burst=key_rate)
        self._bad_keys = Buckets(rate=BAD_KEYS_PER_SECOND, burst=BAD_KEYS_PER_SECOND * 5)
        self._deadlines = Deadlines()
        self._troubled = False
        self._log = logging.getLogger("connmon.edge")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        try:
            if scope["method"] != "POST":
                raise Refused("method-not-allowed", "Reports are sent with POST.")
            headers = dict(scope["headers"])
            key = await self.admit(headers.get(b"authorization", b""), address=address_of(scope))
            taken = await self._take_request(key, headers, receive)
        except Refused as refused:
            await _respond_refusal(request_ids.sending(send, request_ids.begin(scope, settings.PROXIES)), refused)
        else:
            await _respond(send, 200, taken.answer, _JSON)

    async def admit(self, authorization: bytes, *, address: str) -> Key:
        """The key of a request or socket, with scope `report`. Raises Refused."""
        try:
            key = await self._keys.authenticate(authorization.decode("latin-1"), scope="report", now=utc_now())
        except KeyRefused as refused:
            wait = self._bad_keys.take(network_of(address))
            if wait:
                detail = "Too many requests with bad keys come from this address."
                raise Refused("too-many-reports", detail, retry_after=int(wait) + 1) from None
            raise Refused(refused.code, refused.detail) from None
        except (psycopg.Error, TimeoutError) as error:
            if not self._troubled:  # once, not for each report
                self._log.warning("keys cannot be looked up: %s", error)
            self._troubled = True
            raise Refused("database-down", "Keys cannot be looked up now.", retry_after=5) from None
        self._troubled = False
        return key

    async def take(self, key: Key, body: bytes, *, pushes: bool = False, server: str | None = None) -> Taken:
        """Takes one report (JSON, inflated); returns after the commit. Raises Refused.

        `pushes`: orders go to this sender by themselves, none with the answer. `server`: whose reports it may send.
        """
        wait = self._by_key.take(key.id)
        if wait:
            raise Refused("too-many-reports", "This key sends more than it may.", retry_after=int(wait) + 1)
        try:
            report = decode_report(body)
            if server is not None and report.server.id != server:
                detail = "This socket carries the reports of another server; each server opens one of its own."
                raise WireError("invalid-report", detail, "$.server.id")
            server_id = server_key(key.game_id, report.server.id, report.server.boot)
            # An agent with orders was asked to hurry, once: its next report but one is due when everybody's is.
            interval = max(report.interval, key.report_interval)
            step = await self._ingest.submit(key.game_id, key.id, server_id, report, body_digest(body), interval)
        except WireError as error:
            if error.code == "key-revoked":  # whoever holds a dead key does not fill the members' page
                self._keys.forget(key.id)
                raise Refused(error.code, error.detail) from None
            raise self._refuse(key, error, body) from None
        except Unavailable as error:
            raise Refused(error.code, error.detail, retry_after=error.retry_after) from None
        orders = [] if pushes or not self._desk else await self._desk.fetch(server_id, again=step.repeat)
        answer = await self._answer(key, report, step, orders)
        return Taken(encode(answer), report.interval, report.server.id, server_id)

    async def _answer(self, key: Key, report: v1.Report, step: Step, orders: list[v1.Order]) -> v1.Answer:
        config = await self._book.newer_than(key.game_id, report.config_revision) if self._book else None
        interval = min(key.report_interval, HURRY) if orders else key.report_interval
        return v1.Answer(report.seq, step.resync, interval, orders, config)

    async def _take_request(self, key: Key, headers: dict[bytes, bytes], receive: Receive) -> Taken:
        media = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if media != b"application/json":
            raise self._refuse(key, WireError("unsupported-media-type", "Reports are application/json."), b"")
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding not in {b"identity", b"gzip"}:
            raise self._refuse(key, WireError("unsupported-media-type", "Content-Encoding: gzip, or none."), b"")
        try:
            body = await self._read_body(headers, receive)
            if encoding == b"gzip":
                body = gunzip(body)
        except WireError as error:
            raise self._refuse(key, error, b"") from None
        return await self.take(key, body)

    async def _read_body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The body as it came. Raises WireError: body-too-large, body-timeout, not-json (it ended early)."""
        too_large = WireError(
            "body-too-large", f"A body has at most {v1.MAX_BODY} bytes; send snapshot parts, or gzip."
        )
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > (v1.MAX_BODY if b"expect" in headers else MAX_DROPPED):
            raise too_large
        chunks: list[bytes] = []
        size, more = 0, True
        try:
            with self._deadlines.limit(BODY_SECONDS):
                while more and size <= MAX_DROPPED:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise WireError("not-json", "The connection ended before the body did.")
                    size += len(message.get("body", b""))
                    if size <= v1.MAX_BODY:
                        chunks.append(message.get("body", b""))
                    more = message.get("more_body", False)
        except TimeoutError:
            raise WireError("body-timeout", f"The body did not arrive within {BODY_SECONDS:.0f} s.") from None
        if size > v1.MAX_BODY:
            raise too_large
        return b"".join(chunks)

    def _refuse(self, key: Key, error: WireError, body: bytes) -> Refused:
        """Counts it and keeps its reason for the game's members."""
        self._refusals.add(key.game_id, code=error.code, detail=error.detail, pointer=error.pointer, body=body)
        return Refused(error.code, error.detail, pointer=error.pointer, **error.more)


def address_of(scope: Scope) -> str:
    """Whose bad keys are counted together."""
    return settings.PROXIES.resolve(scope)[0]


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    fixed = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [fixed, *headers]})
    await send({"type": "http.response.body", "body": body})


async def _respond_refusal(send: Send, refused: Refused) -> None:
    headers = [(b"content-type", CONTENT_TYPE.encode())]
    if refused.retry_after is not None:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    status = STATUSES[refused.code]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in {408, 413}:  # part of the body may still be on its way
        headers.append((b"connection", b"close"))
    await _respond(send, status, refused.body(), *headers)
