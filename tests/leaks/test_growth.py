"""Growth that players do not explain."""

from dataclasses import replace

import numpy as np
import pytest

from connmon.leaks.evidence import Floats, Ints, Track
from connmon.leaks.growth import find_growth, longest_round
from tests.leaks.tracks import MINUTE, NOW, leaking, make_track, minutes


def test_a_steady_leak_rises_by_what_it_leaks() -> None:
    line = find_growth([leaking(1.0)], now=NOW)
    assert line is not None
    assert line.per_hour == pytest.approx(60, rel=0.05)
    assert line.start == pytest.approx(NOW - 105 * MINUTE, abs=MINUTE)
    assert line.end == NOW


def test_a_leak_beside_fluctuating_players_is_still_seen() -> None:
    players = 20 + 6 * np.sin(np.arange(121) / 9)
    assert find_growth([leaking(0.5, base=3 * players, players=players)], now=NOW) is not None


@pytest.mark.parametrize("end", [25.0, 60.0, 200.0])
def test_growth_in_step_with_players_is_explained(end: float) -> None:
    players = np.linspace(20, end, 121)
    assert find_growth([make_track(10 + 4 * players, players=players)], now=NOW) is None


def test_a_level_that_stays_is_no_growth() -> None:
    noise = np.random.default_rng(1).poisson(100, size=121)
    assert find_growth([make_track(noise)], now=NOW) is None


def test_growth_within_the_warm_up_does_not_count() -> None:
    live = np.minimum(np.arange(121) * 10.0, 140)
    assert find_growth([make_track(live)], now=NOW) is None


def test_too_short_a_time_says_nothing() -> None:
    assert find_growth([leaking(5.0, span=30)], now=NOW) is None
    assert find_growth([leaking(5.0, span=45)], now=NOW) is not None


def test_rounds_that_end_are_no_growth() -> None:
    live = 20 + (np.arange(121) % 20) * 5.0
    assert find_growth([make_track(live)], now=NOW) is None


def test_what_rounds_leave_behind_is_growth() -> None:
    live = 20 + (np.arange(121) % 8) * 5.0 + (np.arange(121) // 8) * 3
    line = find_growth([make_track(live)], now=NOW)
    assert line is not None
    assert line.per_hour == pytest.approx(22.5, rel=0.3)


def test_a_burst_that_goes_again_is_no_growth() -> None:
    live = np.full(121, 50.0)
    live[80:118] += 100
    assert find_growth([make_track(live)], now=NOW) is None


def test_a_gap_is_not_filled_with_nothing() -> None:
    whole = leaking(1.0)
    line = find_growth([only(whole, np.r_[0:60, 90:121])], now=NOW)
    assert line is not None
    assert line.per_hour == pytest.approx(60, rel=0.1)


def test_a_server_that_was_mostly_silent_says_nothing() -> None:
    whole = leaking(1.0)
    assert find_growth([only(whole, np.arange(0, 121, 5))], now=NOW) is None


def only(track: Track, keep: Ints) -> Track:
    """The track with nothing but these minutes."""
    return replace(track, times=track.times[keep], live=track.live[keep], players=track.players[keep])


def test_servers_together_show_what_one_hides() -> None:
    def noisy(seed: int) -> Floats:
        return np.random.default_rng(seed).normal(200, 9, size=121) + 0.12 * np.arange(121)

    tracks = [make_track(noisy(seed), server=f"s{seed}") for seed in range(12)]
    assert find_growth(tracks[:1], now=NOW) is None
    assert find_growth(tracks, now=NOW) is not None


def test_the_length_of_rounds_is_the_longest_time_between_falls() -> None:
    live: Floats = 20 + (np.arange(121, dtype=np.float64) % 20) * 5
    players: Floats = np.full(121, 12, dtype=np.float64)
    assert longest_round(minutes(), live, players) == pytest.approx(20 * MINUTE, abs=4 * MINUTE)


def test_a_fall_with_the_players_ends_no_round() -> None:
    players: Floats = np.repeat([40.0, 5.0], [60, 61]).astype(np.float64)
    assert longest_round(minutes(), players * 4, players) == 0
