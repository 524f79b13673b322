"""Surviving cohorts."""

import numpy as np
import pytest

from connmon.leaks.cohorts import find_piles, find_survivors
from connmon.leaks.evidence import Track
from tests.leaks.tracks import MINUTE, NOW, leaking, make_track


def test_a_leak_leaves_survivors_of_all_ages() -> None:
    found = find_survivors([leaking(1.0)], now=NOW)
    assert found.is_spread
    assert found.is_steady
    assert found.count == pytest.approx(103, abs=2)


def test_what_a_boot_sets_up_does_not_count() -> None:
    boot = NOW - 120 * MINUTE
    assert find_survivors([make_track(births=boot + np.linspace(0, 100, 200))], now=NOW).count == 0


def test_what_is_young_does_not_count() -> None:
    assert find_survivors([make_track(births=NOW - np.linspace(0, 14, 200) * MINUTE)], now=NOW).count == 0


def test_a_step_is_of_one_moment() -> None:
    found = find_survivors([make_track(births=NOW - 40 * MINUTE + np.linspace(0, 60, 200))], now=NOW)
    assert (found.count, found.is_spread) == (200, False)


def test_a_cache_that_fills_ever_slower_is_not_steady() -> None:
    ages = np.random.default_rng(2).exponential(40 * MINUTE, size=400)
    assert not find_survivors([make_track(births=NOW - 120 * MINUTE + ages[ages < 120 * MINUTE])], now=NOW).is_steady


def test_what_merely_lives_long_is_not_steady() -> None:
    ages = np.random.default_rng(3).exponential(25 * MINUTE, size=600)
    assert not find_survivors([make_track(births=NOW - ages[ages < 110 * MINUTE])], now=NOW).is_steady


def owned(each: list[np.ndarray]) -> Track:
    births = np.concatenate(each)
    owners = np.repeat(np.arange(len(each)), [len(one) for one in each])
    return make_track(births=births, owners=owners, owner_names=tuple(f"player:{n}" for n in range(len(each))))


def stay(long: float, *ages: float) -> np.ndarray:
    """An owner who came `long` minutes ago, with connections of these ages in minutes."""
    return NOW - MINUTE * np.array([long, *ages])


def test_players_who_hold_more_the_longer_they_stay_pile_up() -> None:
    found = find_piles([owned([stay(60, *range(1, 58, 4)) for _ in range(4)])], now=NOW)
    assert found is not None
    assert (found.owners, found.is_steady) == (4, True)


def test_what_is_opened_on_arrival_and_lately_is_no_pile() -> None:
    assert find_piles([owned([stay(60, 59.5, 59.2, 5, 3, 1) for _ in range(6)])], now=NOW) is None


def test_two_players_are_too_few() -> None:
    assert find_piles([owned([stay(60, *range(1, 58, 4)) for _ in range(2)])], now=NOW) is None


def test_one_of_many_is_no_pile_of_all() -> None:
    plain = [stay(60, 59.5) for _ in range(9)]
    assert find_piles([owned([stay(60, *range(1, 58, 2)), *plain])], now=NOW) is None


def test_a_collection_that_fills_up_is_not_steady() -> None:
    found = find_piles([owned([stay(80, *np.arange(50, 78, 2)) for _ in range(5)])], now=NOW)
    assert found is not None
    assert not found.is_steady
