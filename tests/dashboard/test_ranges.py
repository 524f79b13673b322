"""The time that an address names."""

from datetime import datetime, timedelta

import pytest
from django.http import QueryDict

from dashboard.ranges import OFFERED, time_range


@pytest.mark.parametrize("word", OFFERED)
def test_every_offered_range_ends_now_and_goes_on(word: str, now: datetime) -> None:
    shown = time_range(QueryDict(f"from={word}&to=now"), now=now)
    assert (shown.is_live, shown.span.until, shown.start) == (True, now, word)


def test_a_fixed_range_is_read_in_its_own_offset_and_does_not_go_on(now: datetime) -> None:
    shown = time_range(QueryDict("from=2026-11-22T12:00:00%2B02:00&to=2026-11-22T11:00:00Z"), now=now)
    assert shown.span.since.isoformat() == "2026-11-22T10:00:00+00:00"
    assert not shown.is_live
    assert shown.word == "2026-11-22 10:00 to 2026-11-22 11:00 UTC"


def test_a_range_that_ends_before_now_does_not_go_on(now: datetime) -> None:
    shown = time_range(QueryDict("from=now-2h&to=now-1h"), now=now)
    assert not shown.is_live
    assert shown.span.until == now - timedelta(hours=1)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "from=yesterday",
        "from=now-1m&to=now",
        "from=now&to=now-1h",
        "from=now-99999d&to=now",
        "from=2026-11-22T12:00:00&to=now",
        "from=9999-12-31T23:59:59-14:00&to=now",
        "from=0001-01-01T00:00:00%2B14:00&to=now",
        "from=2026-13-45T00:00:00Z&to=now",
        f"from={'9' * 400}&to=now",
        "from=%00&to=%00",
    ],
)
def test_what_cannot_be_read_is_the_last_hour(asked: str, now: datetime) -> None:
    shown = time_range(QueryDict(asked), now=now)
    assert (shown.start, shown.end, shown.word) == ("now-1h", "now", "Last 1 h")
    assert shown.span.until - shown.span.since == timedelta(hours=1)


def test_a_range_gives_its_own_question_back(now: datetime) -> None:
    asked = "from=2026-11-22T12:00:00%2B02:00&to=2026-11-22T13:00:00%2B02:00"
    shown = time_range(QueryDict(asked), now=now)
    assert time_range(QueryDict(shown.query), now=now) == shown
