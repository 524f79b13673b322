"""When silence means something, as pure values."""

from datetime import timedelta
from typing import Any

import pytest

from connmon.registry.sweep_rules import Listener, Liveness, liveness, why_not_now
from tests.conftest import NOW


def ago(seconds: float) -> Any:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("since", "found"),
    [
        (0, Liveness.REPORTING),
        (14, Liveness.REPORTING),
        (15, Liveness.LATE),
        (29, Liveness.LATE),
        (30, Liveness.LOST),
        (3_629, Liveness.LOST),
        (3_630, Liveness.GONE),
    ],
)
def test_a_server_is_late_lost_and_gone_by_its_lease(since: float, found: Liveness) -> None:
    received = ago(since)
    assert liveness(received, received + timedelta(seconds=30), gone_after=3_600, now=NOW) is found


def listener(started: float = 3_600, seen: float = 1, ill: float | None = None) -> Listener:
    return Listener(ago(started), ago(seen), None if ill is None else ago(ill))


@pytest.mark.parametrize(
    ("listeners", "interval", "told"),
    [
        ([], 10, "No web process"),
        ([listener(seen=16)], 10, "No web process"),
        ([listener(started=59)], 10, "less than 60 s"),
        ([listener(started=119)], 60, "less than 120 s"),
        ([listener(started=120)], 60, ""),
        ([listener()], 10, ""),
        ([listener(), listener(started=1)], 10, ""),
        ([listener(seen=100), listener(started=1)], 10, "less than 60 s"),
        ([listener(ill=59)], 10, "refused or lost by us"),
        ([listener(), listener(ill=10)], 10, "refused or lost by us"),
        ([listener(ill=61)], 10, ""),
        ([listener(), listener(seen=100, ill=10)], 10, ""),
    ],
)
def test_silence_is_believed_only_if_we_would_have_heard(listeners: list[Listener], interval: float, told: str) -> None:
    why = why_not_now(listeners, report_interval=interval, now=NOW)
    assert told in why
    assert bool(why) is bool(told)
