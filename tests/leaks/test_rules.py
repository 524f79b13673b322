"""The verdict on one site."""

import numpy as np

from connmon.leaks.evidence import Remnant, Track
from connmon.leaks.rules import PERSIST, Watch, judge
from connmon.leaks.states import Cause, Rung
from tests.leaks.tracks import MINUTE, NOW, leaking, make_track

GROWS = Watch(NOW - PERSIST, NOW - MINUTE)


def remnant(seconds: float, *, disconnected: bool = False, owner: str = "player:261") -> Remnant:
    return Remnant(owner, NOW - 900, NOW - seconds, disconnected)


def test_what_outlived_its_owner_is_confirmed() -> None:
    verdict, _ = judge([make_track(remnants=(remnant(120), remnant(300)))], None, now=NOW)
    assert verdict is not None
    assert (verdict.rung, verdict.cause, verdict.count) == (Rung.CONFIRMED, Cause.ORPHANED, 2)
    assert (verdict.owners, verdict.since, verdict.place_versions) == (("player:261",), NOW - 300, (142,))


def test_an_orphan_of_less_than_two_minutes_is_a_teardown() -> None:
    assert judge([make_track(remnants=(remnant(119),))], None, now=NOW)[0] is None


def test_a_disconnected_one_is_left_to_two_sweeps_first() -> None:
    assert judge([make_track(remnants=(remnant(659, disconnected=True),))], None, now=NOW)[0] is None
    verdict, _ = judge([make_track(remnants=(remnant(660, disconnected=True),))], None, now=NOW)
    assert verdict is not None
    assert (verdict.rung, verdict.cause) == (Rung.CONFIRMED, Cause.KEPT)


def test_growth_is_likely_only_after_a_quarter_of_an_hour() -> None:
    first, watch = judge([leaking()], None, now=NOW)
    assert (first, watch) == (None, Watch(NOW, NOW))
    verdict, _ = judge([leaking()], GROWS, now=NOW)
    assert verdict is not None
    assert (verdict.rung, verdict.cause) == (Rung.LIKELY, Cause.GROWING)
    assert verdict.line is not None
    assert verdict.players == 20


def test_growth_that_paused_begins_anew() -> None:
    _, watch = judge([leaking()], Watch(NOW - 3_600, NOW - 1_200), now=NOW)
    assert watch == Watch(NOW, NOW)


def test_a_site_that_no_longer_grows_is_forgotten() -> None:
    assert judge([make_track()], Watch(NOW - 3_600, NOW - 60), now=NOW)[1] is None


def test_growth_whose_survivors_get_fewer_is_a_suspicion() -> None:
    ages = np.random.default_rng(2).exponential(40 * MINUTE, size=400)
    births = np.sort(NOW - 120 * MINUTE + ages[ages < 120 * MINUTE])
    live = np.searchsorted(births, leaking().times)
    verdict, watch = judge([make_track(live, births=births)], GROWS, now=NOW)
    assert verdict is not None
    assert (verdict.rung, verdict.cause) == (Rung.SUSPECT, Cause.GROWING)
    assert watch is None


def test_growth_without_survivors_is_nothing() -> None:
    live = np.linspace(50, 200, 121)
    assert judge([make_track(live, births=NOW - np.linspace(0, 600, 200))], GROWS, now=NOW)[0] is None


def test_survivors_without_growth_are_nothing() -> None:
    assert judge([make_track(150.0, births=leaking().births)], GROWS, now=NOW)[0] is None


def test_a_leak_of_one_version_is_told_of_that_version() -> None:
    healthy = [make_track(server=f"old-{n}", place_version=141) for n in range(5)]
    verdict, _ = judge([*healthy, leaking(server="new")], GROWS, now=NOW)
    assert verdict is not None
    assert (verdict.servers, verdict.place_versions) == (("new",), (142,))


def hoarders(most: int) -> Track:
    owners = np.repeat(np.arange(6), [most, 3, 3, 3, 3, 3])
    names = tuple(f"player:{n}" for n in range(6))
    return make_track(births=np.full(len(owners), NOW - 60), owners=owners, owner_names=names)


def test_one_owner_far_above_its_peers_is_a_suspicion() -> None:
    verdict, _ = judge([hoarders(40)], None, now=NOW)
    assert verdict is not None
    assert (verdict.rung, verdict.cause) == (Rung.SUSPECT, Cause.HOARDING)
    assert (verdict.count, verdict.owners) == (40, ("player:0",))
    assert judge([hoarders(20)], None, now=NOW)[0] is None


def test_nothing_is_said_without_a_reporting_server() -> None:
    assert judge([], GROWS, now=NOW) == (None, GROWS)


def test_the_surest_verdict_is_told() -> None:
    verdict, _ = judge([leaking(remnants=(remnant(200),))], GROWS, now=NOW)
    assert verdict is not None
    assert verdict.rung is Rung.CONFIRMED
