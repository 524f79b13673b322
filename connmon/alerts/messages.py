"""What people are sent, in each destination's own form. Pure. Names that games send are hostile text here too."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from connmon.alerts.states import AlertState, DestinationKind, Severity

MAX_TEXT: Final = 1_500  # characters; Discord takes 2,000
_MARKS: Final = {Severity.INFO: "🔵", Severity.WARNING: "🟠", Severity.CRITICAL: "🔴"}
_MARKDOWN: Final = re.compile(r"([\\`*_~|>\[\]()#@<:])")


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to send. `address` is a URL or an e-mail address; `body` is JSON, of an e-mail the text."""

    kind: DestinationKind
    address: str
    subject: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def make_message(
    kind: DestinationKind, address: str, secret: str, event: dict[str, Any], *, delivery_id: int, now: datetime
) -> Message:
    """`event`: see outbox.py:event_of. A webhook's carries its id, the same at each attempt, and its signature."""
    subject = headline(event)
    if kind is DestinationKind.EMAIL:
        return Message(kind, address, subject, _plain(event).encode())
    if kind is DestinationKind.DISCORD:
        text = _MARKDOWN.sub(r"\\\1", _plain(event))[:MAX_TEXT]
        body: dict[str, Any] = {"content": text, "allowed_mentions": {"parse": []}}
        return Message(kind, address, subject, msgspec.json.encode(body), _JSON)
    if kind is DestinationKind.SLACK:
        text = _plain(event)[:MAX_TEXT].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return Message(kind, address, subject, msgspec.json.encode({"text": text, "mrkdwn": False}), _JSON)
    raw = msgspec.json.encode({"version": 1, "delivery": str(delivery_id), **event})
    headers = {**_JSON, "Connmon-Delivery": str(delivery_id)}
    if secret:
        headers["Connmon-Signature"] = sign(secret, raw, now=now)
    return Message(kind, address, subject, raw, headers)


def sign(secret: str, body: bytes, *, now: datetime) -> str:
    """`t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`, so that an old message cannot be sent again."""
    stamp = int(now.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def headline(event: dict[str, Any]) -> str:
    """One line: what, where."""
    if event["state"] == "test":
        return f"Test from connmon, game {event['game']}"
    word = "RESOLVED" if event["state"] == AlertState.RESOLVED else event["severity"].upper()
    return " ".join(f"[{word}] {event['game']}: {event['name']}".split())


def _plain(event: dict[str, Any]) -> str:
    if event["state"] == "test":
        return f"{headline(event)}. If you can read this, alerts will reach you here."
    mark = "✅" if event["state"] == AlertState.RESOLVED else _MARKS[Severity(event["severity"])]
    lines = [f"{mark} {headline(event)}", event["summary"], f"Since {event['since']}."]
    if event["state"] == AlertState.RESOLVED:
        lines.append(f"Resolved {event['at']}.")
    return "\n".join(lines)


_JSON: Final = {"Content-Type": "application/json"}
