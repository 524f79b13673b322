"""What people are sent, in each destination's form."""

from typing import Any

import msgspec
import pytest

from connmon.alerts.messages import Message, make_message
from connmon.alerts.states import DestinationKind
from tests.conftest import NOW

EVENT = {
    "alert": "7", "game": "Dungeon", "name": "Stale", "kind": "stale_surge", "severity": "warning", "service": "*",
    "state": "firing", "at": "2026-11-23T12:00:00Z", "since": "2026-11-23T11:55:00Z",
    "summary": "150 stale connections (at least 100): Combat", "value": 150.0, "things": ["Combat"], "count": 1,
}  # fmt: skip


def make(kind: DestinationKind, secret: str = "", **changes: Any) -> Message:
    return make_message(kind, "https://example.com/", secret, EVENT | changes, delivery_id=9, now=NOW)


def test_discord_pings_nobody_and_shows_names_as_they_are() -> None:
    body = msgspec.json.decode(make(DestinationKind.DISCORD, summary="@everyone <@1> [x](https://evil)").body)
    assert body["allowed_mentions"] == {"parse": []}
    assert r"\@everyone \<\@1\> \[x\]\(https\://evil\)" in body["content"]


def test_slack_takes_no_markup_from_names() -> None:
    body = msgspec.json.decode(make(DestinationKind.SLACK, summary="<!channel> & <https://evil|x>").body)
    assert "&lt;!channel&gt; &amp; &lt;https://evil|x&gt;" in body["text"]


def test_a_webhook_gets_the_whole_event_and_the_deliverys_number() -> None:
    message = make(DestinationKind.WEBHOOK)
    assert msgspec.json.decode(message.body) == {"version": 1, "delivery": "9", **EVENT}
    assert message.headers["Connmon-Delivery"] == "9"
    assert "Connmon-Signature" not in message.headers


def test_an_email_has_a_subject_of_one_line() -> None:
    message = make(DestinationKind.EMAIL, name="Stale\r\nBcc: everyone@example.com")
    assert message.subject == "[WARNING] Dungeon: Stale Bcc: everyone@example.com"
    assert "150 stale connections" in message.body.decode()


def test_a_resolved_alert_says_so() -> None:
    assert make(DestinationKind.EMAIL, state="resolved").subject == "[RESOLVED] Dungeon: Stale"


@pytest.mark.parametrize("kind", list(DestinationKind))
def test_a_test_can_be_sent_in_every_form(kind: DestinationKind) -> None:
    event = {"game": "Dungeon", "state": "test", "at": "2026-11-23T12:00:00Z"}
    assert b"Dungeon" in make_message(kind, "x", "", event, delivery_id=1, now=NOW).body


def test_a_long_text_fits_into_a_chat_message() -> None:
    body = msgspec.json.decode(make(DestinationKind.DISCORD, summary="*" * 3_000).body)
    assert len(body["content"]) <= 1_500
