"""What becomes of a leak, by version and time."""

from datetime import timedelta

import pytest

from connmon.leaks.ledger_rules import (
    VersionFact,
    fixed_in,
    hours_until_full,
    next_rung,
    next_state,
    since_version,
    tell_forecast,
)
from connmon.leaks.states import LedgerState, Rung
from tests.conftest import NOW


def fact(
    version: int,
    *,
    minutes: int = 300,
    players: float = 20,
    longest: int = 120,
    hours: float = 5,
    running: bool = True,
) -> VersionFact:
    return VersionFact(version, minutes, players, longest, NOW - timedelta(hours=hours), running)


LEAKING = fact(142, minutes=40, longest=10)  # at the look that found its leak


def test_a_new_leak_that_a_second_version_shows_is_ongoing() -> None:
    assert next_state(LedgerState.NEW, [142], [142]) is LedgerState.NEW
    assert next_state(LedgerState.NEW, [142], [143]) is LedgerState.ONGOING


def test_a_fixed_leak_that_is_back_has_regressed_and_stays_so() -> None:
    assert next_state(LedgerState.FIXED, [142], [144]) is LedgerState.REGRESSED
    assert next_state(LedgerState.REGRESSED, [142, 144], [145]) is LedgerState.REGRESSED


def test_a_rung_is_kept_for_an_hour() -> None:
    seen = NOW - timedelta(minutes=60)
    assert next_rung(Rung.CONFIRMED, Rung.SUSPECT, last_seen_at=seen, now=NOW) is Rung.CONFIRMED
    assert next_rung(Rung.CONFIRMED, Rung.SUSPECT, last_seen_at=seen - timedelta(seconds=1), now=NOW) is Rung.SUSPECT
    assert next_rung(Rung.SUSPECT, Rung.LIKELY, last_seen_at=NOW, now=NOW) is Rung.LIKELY


def test_a_later_version_that_ran_for_two_hours_without_it_has_fixed_it() -> None:
    seen = NOW - timedelta(hours=3)
    assert fixed_in([142], [fact(142), fact(143), fact(144)], last_seen_at=seen, now=NOW) == 143


@pytest.mark.parametrize(
    "later", [fact(143, hours=1.9), fact(143, minutes=59), fact(143, running=False), fact(141), fact(142)]
)
def test_nothing_less_fixes_it(later: VersionFact) -> None:
    assert fixed_in([142], [later], last_seen_at=NOW - timedelta(hours=3), now=NOW) is None


def test_a_leak_seen_lately_is_not_fixed() -> None:
    assert fixed_in([142], [fact(143)], last_seen_at=NOW - timedelta(minutes=119), now=NOW) is None


def test_since_which_version_is_told_when_an_earlier_one_ran_at_equal_players() -> None:
    assert since_version([142, 143], [fact(141), LEAKING]) == 142
    assert since_version([142], [fact(140), fact(141, minutes=5), LEAKING]) == 142


@pytest.mark.parametrize(
    "earlier",
    [[], [fact(141, players=9, minutes=3_000)], [fact(141, minutes=59)], [fact(141, longest=9)], [fact(143)]],
    ids=["none", "few players", "an hour", "young servers", "a later one"],
)
def test_else_nothing_is_claimed(earlier: list[VersionFact]) -> None:
    assert since_version([142], [*earlier, LEAKING]) is None
    assert since_version([], [fact(141), LEAKING]) is None


@pytest.mark.parametrize(
    ("earlier", "claimed"),
    [(fact(141, minutes=400), 142), (fact(141, minutes=399), None), (fact(141, players=14), None)],
)
def test_an_earlier_version_has_to_run_twice_as_long_as_the_leak_took_to_show(
    earlier: VersionFact, claimed: int | None
) -> None:
    assert since_version([142], [earlier, fact(142, minutes=200, longest=110)]) == claimed


def test_the_budget_is_full_when_growth_reaches_it() -> None:
    assert hours_until_full(live=700, per_hour=100, budget=1_000) == 3
    assert hours_until_full(live=1_200, per_hour=100, budget=1_000) == 0
    assert hours_until_full(live=700, per_hour=100, budget=0) is None
    assert hours_until_full(live=700, per_hour=0, budget=1_000) is None


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (None, ""),
        (3.2, "Budget full in about 3 h."),
        (0.5, "Budget full in about 30 min."),
        (0.0, "Budget full in about 1 min."),
        (72.0, ""),
    ],
)
def test_a_forecast_is_one_line(hours: float | None, told: str) -> None:
    assert tell_forecast(hours) == told
