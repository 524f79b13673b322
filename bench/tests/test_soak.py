"""Growth is told apart from a warm-up and from noise."""

from __future__ import annotations

import pytest

from bench.chaos.soak import figures, growth


def test_what_grows_before_the_warm_up_ends_does_not_count() -> None:
    samples = [(float(at), 50.0 + at if at < 100 else 200.0) for at in range(0, 400, 10)]
    assert growth(samples, warm_up=100) == 0


def test_a_steady_leak_is_told_in_percent_between_the_first_and_the_last_quarter() -> None:
    samples = [(float(at), 100.0 + at) for at in range(16)]
    assert growth(samples, warm_up=0) == pytest.approx((113.5 / 101.5 - 1) * 100)


def test_noise_around_a_level_is_flat() -> None:
    samples = {"web": [(float(at), 100.0 + at % 2) for at in range(16)]}
    assert figures(samples, 0) == {
        "flat": True,
        "growth_percent": {"web": 0.0},
        "mb_at_end": {"web": 101.0},
        "warm_up_s": 0,
    }


def test_one_part_that_grows_is_not_flat() -> None:
    samples = {"web": [(float(at), 100.0) for at in range(16)], "beat": [(float(at), 100.0 + at) for at in range(16)]}
    assert not figures(samples, 0)["flat"]


def test_a_run_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        growth([(0.0, 1.0)] * 7, warm_up=0)
