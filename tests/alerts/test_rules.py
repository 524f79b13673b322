"""Where alerting decides."""

from datetime import datetime, timedelta

import pytest

from connmon.alerts.rules import (
    BACKOFF,
    Life,
    Observation,
    Pulse,
    compare,
    is_outside,
    is_trusted,
    next_attempt,
    next_life,
    rate,
    reaches,
    up_since,
)
from connmon.alerts.states import AlertState, Comparator, Severity
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
HOLDS, CLEAR = Observation(2, True), Observation(0, False)


def after(life: Life | None, seen: Observation | None, *, at: datetime = NOW) -> Life | None:
    return next_life(life, seen, hold=MINUTE, keep=MINUTE, now=at)


def test_what_begins_to_hold_is_pending() -> None:
    assert after(None, HOLDS) == Life(AlertState.PENDING, NOW)


def test_what_has_held_for_long_enough_fires() -> None:
    pending = Life(AlertState.PENDING, NOW)
    assert after(pending, HOLDS, at=NOW + MINUTE - timedelta(seconds=1)) == pending
    assert after(pending, HOLDS, at=NOW + MINUTE) == Life(AlertState.FIRING, NOW)


def test_what_is_known_to_have_held_for_long_fires_at_once() -> None:
    assert after(None, Observation(1, True, since=NOW - MINUTE)) == Life(AlertState.FIRING, NOW - MINUTE)


def test_a_later_cause_begins_the_wait_anew() -> None:
    pending = Life(AlertState.PENDING, NOW - MINUTE)
    assert after(pending, Observation(1, True, since=NOW)) == Life(AlertState.PENDING, NOW)


def test_what_ends_while_pending_is_gone() -> None:
    assert after(Life(AlertState.PENDING, NOW), CLEAR) is None


def test_a_firing_alert_keeps_firing_until_it_has_been_clear_for_long_enough() -> None:
    firing = after(Life(AlertState.FIRING, NOW), CLEAR)
    assert firing == Life(AlertState.FIRING, NOW, clear_since=NOW)
    resolved = after(firing, CLEAR, at=NOW + MINUTE)
    assert resolved is not None
    assert resolved.state is AlertState.RESOLVED


def test_a_firing_alert_that_holds_again_forgets_that_it_was_clear() -> None:
    assert after(Life(AlertState.FIRING, NOW, NOW), HOLDS, at=NOW + 2 * MINUTE) == Life(AlertState.FIRING, NOW)


@pytest.mark.parametrize("life", [None, Life(AlertState.PENDING, NOW), Life(AlertState.FIRING, NOW)], ids=str)
def test_what_cannot_be_told_changes_nothing(life: Life | None) -> None:
    assert after(life, None, at=NOW + 10 * MINUTE) == life


@pytest.mark.parametrize(
    ("comparator", "expected"),
    [
        (Comparator.ABOVE, [False, False, True]),
        (Comparator.AT_LEAST, [False, True, True]),
        (Comparator.BELOW, [True, False, False]),
        (Comparator.AT_MOST, [True, True, False]),
    ],
)
def test_each_comparator_compares(comparator: Comparator, expected: list[bool]) -> None:
    assert [compare(value, comparator, 5) for value in (4, 5, 6)] == expected


def test_a_gap_of_our_own_begins_our_time_anew() -> None:
    began = NOW - timedelta(hours=1)
    assert up_since(began, last_at=NOW - timedelta(seconds=10), now=NOW) == began
    assert up_since(began, last_at=NOW - MINUTE, now=NOW) == NOW


INTERVAL = timedelta(seconds=10)
LONG_AGO = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("up", "pulses", "trusted"),
    [
        (LONG_AGO, [], True),
        (NOW - timedelta(seconds=19), [], False),
        (NOW - timedelta(seconds=20), [], True),
        (LONG_AGO, [Pulse(LONG_AGO, NOW, None)], True),
        (LONG_AGO, [Pulse(LONG_AGO, NOW - MINUTE, None)], False),
        (LONG_AGO, [Pulse(NOW - timedelta(seconds=5), NOW, None)], False),
        (LONG_AGO, [Pulse(LONG_AGO, NOW, NOW - timedelta(seconds=5))], False),
        (LONG_AGO, [Pulse(LONG_AGO, NOW, NOW - MINUTE)], True),
    ],
    ids=["well", "just-up", "up-two-intervals", "listening", "no-one-listens", "web-just-up", "ill", "was-ill"],
)
def test_nothing_is_judged_while_we_are_not_well(up: datetime, pulses: list[Pulse], trusted: bool) -> None:
    assert is_trusted(pulses, up=up, interval=INTERVAL, now=NOW) is trusted


def test_a_rate_is_of_pairs_with_the_same_servers_only() -> None:
    at = [NOW + INTERVAL * n for n in range(4)]
    assert rate([(at[0], 1, 100), (at[1], 1, 150), (at[2], 2, 9_000), (at[3], 2, 9_050)]) == 5.0


def test_a_total_that_fell_is_no_rate() -> None:
    assert rate([(NOW, 1, 100), (NOW + INTERVAL, 1, 50)]) is None
    assert rate([(NOW, 1, 100)]) is None


def test_attempts_are_spaced_out_and_end() -> None:
    waits = [next_attempt(n, retry_after=0, now=NOW) for n in range(1, len(BACKOFF) + 2)]
    assert waits == [*(NOW + timedelta(seconds=wait) for wait in BACKOFF), None]


def test_an_answer_may_ask_for_a_longer_wait_within_bounds() -> None:
    assert next_attempt(1, retry_after=90, now=NOW) == NOW + timedelta(seconds=90)
    assert next_attempt(1, retry_after=1e9, now=NOW) == NOW + timedelta(hours=1)


def test_a_destination_hears_of_its_severity_and_what_is_worse() -> None:
    assert [reaches(one, Severity.WARNING) for one in Severity] == [False, True, True]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "192.88.99.1", "198.18.0.1", "203.0.113.5",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
        "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::", "2001::1", "2001:db8::1", "3fff::1", "fec0::1",
        "::10.0.0.1", "example.com", "",
    ],
)  # fmt: skip
def test_an_address_within_or_nowhere_is_not_outside(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "162.159.135.232", "2606:4700::1111", "2a00:1450:4001:80e::200e"])
def test_an_address_of_the_public_internet_is_outside(address: str) -> None:
    assert is_outside(address)
