"""The corpus that `make bench-leaks` judges: repeatable, as it is described, and some of it is judged here."""

import numpy as np
import pytest

from bench.leaks.classes import CLEAN, LEAK, LEAKING, LEAVE_TYPE
from bench.leaks.observe import EPOCH, look_at, moments, tracks
from bench.leaks.trial import run_one

SEED = 1_234  # apart from those of tuning and judging


def test_there_are_twelve_classes_of_each_kind_at_least() -> None:
    assert len(CLEAN) >= 12
    assert len(LEAKING) >= 12
    assert set(LEAVE_TYPE) < set(LEAKING)


def test_the_same_seed_is_the_same_run() -> None:
    first, second = (
        look_at(rng, CLEAN["rounds"](rng)) for rng in (np.random.default_rng(SEED), np.random.default_rng(SEED))
    )
    assert all(
        np.array_equal(one.live, other.live)
        for site in first
        for one, other in zip(first[site], second[site], strict=True)
    )


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_leaks_in_a_clean_class(name: str) -> None:
    rng = np.random.default_rng(SEED)
    seen = look_at(rng, CLEAN[name](rng))
    assert not any(part.lives.leaked.any() for parts in seen.values() for part in parts)


def test_what_the_rule_is_given_agrees_with_itself() -> None:
    rng = np.random.default_rng(SEED)
    seen = look_at(rng, LEAKING["leave_25"](rng))
    for now in list(moments())[::40]:
        for track in tracks(seen[LEAK], now):
            assert track.live[-1] == len(track.births)
            assert track.times[-1] <= now
            assert (track.births <= now).all()
            assert all(one.since <= now for one in track.remnants)


def test_a_silent_server_has_no_track() -> None:
    rng = np.random.default_rng(SEED)
    run = LEAKING["leave_25"](rng)
    (first, *_) = run.world.boots
    run.world.silences.append((first.server, 3_000.0, 9_000.0))
    seen = look_at(rng, run)
    assert first.server not in [track.server for track in tracks(seen[LEAK], EPOCH + 6_000)]


@pytest.mark.parametrize("name", [*LEAVE_TYPE, "kept_after_disconnect"])
def test_a_leak_that_leaves_remnants_is_confirmed_at_its_site(name: str) -> None:
    outcome = run_one(name, SEED)
    assert (outcome.surest, outcome.wrong_sites) == ("confirmed", ())


@pytest.mark.parametrize("name", ["ownerless_fast", "overwritten_handle", "per_respawn"])
def test_a_leak_without_an_owner_is_likely_at_its_site(name: str) -> None:
    outcome = run_one(name, SEED)
    assert (outcome.surest, outcome.wrong_sites, outcome.is_caught) == ("likely", (), True)


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_run_raises_no_alarm(name: str) -> None:
    assert run_one(name, SEED).wrong_sites == ()
