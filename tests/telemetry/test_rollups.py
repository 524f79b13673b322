"""Rollups against the same arithmetic in plain Python, and what becomes of gaps."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connmon.core.ids import server_key
from connmon.telemetry.actions import make_samples, roll_up
from connmon.telemetry.models import GameSample, PoolSample, ServerSample, ServiceSample
from tests.conftest import NOW
from tests.telemetry.worlds import NAMES, TICK, Counters, counters_of, put_state, summary, unpack

pytestmark = pytest.mark.django_db
GAME: Final = 7
GAUGES: Final = ("live", "idle", "orphaned", "stale")
MINUTES: Final = 2
TICKS: Final = 6 * MINUTES
AFTER: Final = NOW + timedelta(minutes=30)

small = st.integers(0, 3)
counts = st.one_of(small, small, small, st.integers(0, 40), st.sampled_from([32_767, 32_768, 2**31 - 1]))
totals = st.one_of(st.integers(0, 50), st.sampled_from([2**31 - 1, 2**31, 2**40]))
counters = st.tuples(counts, totals, totals, counts, small, small)
# What one server reports at one tick: None while it is silent, else a row for each of its services, which only grow.
reports = st.one_of(st.none(), st.lists(counters, min_size=4, max_size=4))
Report = list[Counters] | None
World = dict[str, tuple[list[int], list[Report]]]  # server: number of services at each tick, and reports


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world: World = {}
    for name in ("one", "two"):
        known = sorted(draw(st.lists(st.integers(1, 4), min_size=TICKS, max_size=TICKS)))
        world[name] = (known, draw(st.lists(reports, min_size=TICKS, max_size=TICKS)))
    return world


def services_at(world: World, name: str, tick: int) -> dict[int, Counters] | None:
    """Service: counters; None while the server is silent."""
    known, seen = world[name]
    report = seen[tick]
    return None if report is None else dict(zip(range(1, known[tick] + 1), report, strict=False))


def play(world: World) -> None:
    for tick in range(TICKS):
        now = NOW + tick * TICK
        for name in world:
            services = services_at(world, name, tick)
            if services is None:
                put_state(GAME, name, now=now, superseded=True)
            else:
                put_state(GAME, name, services, now=now, players=tick, memory_mb=float(100 + tick))
        make_samples(now=now)
    while roll_up(now=AFTER):
        pass


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ticks_of(begin: datetime, step: int) -> range:
    first = int((begin - NOW) / TICK)
    return range(max(first, 0), min(first + step // 10, TICKS))


def check_servers(world: World) -> None:
    for row in ServerSample.objects.filter(step__gt=10):
        name = next(one for one in world if server_key(GAME, one, "boot") == row.server_id)
        there = [tick for tick in ticks_of(row.at, row.step) if world[name][1][tick] is not None]
        named: list[dict[int, Counters]] = [services_at(world, name, tick) or {} for tick in there]
        assert (row.ticks, row.services) == (len(there), list(named[-1]))
        assert row.players == there[-1]
        mean = sum(100 + tick for tick in there)
        assert row.memory_mb is not None
        assert (row.memory_mb_sum or row.memory_mb * row.ticks) == pytest.approx(mean)
        for service in row.services:
            assert counters_of(row, service) == named[-1][service][1:3]
            for place, gauge in enumerate(GAUGES):
                seen = [one[service][NAMES.index(gauge)] if service in one else 0 for one in named]
                assert unpack(row, service, place) == summary(seen), (row.at, row.step, service, gauge)


def check_services(world: World) -> None:
    expected = {service: [fleet_at(world, service, tick) for tick in range(TICKS)] for service in range(1, 5)}
    for row in ServiceSample.objects.filter(step__gt=10):
        seen = [one for one in (expected[row.service_id][tick] for tick in ticks_of(row.at, row.step)) if one]
        assert row.ticks == len(seen)
        for gauge in (*GAUGES, "servers"):
            assert stored(row, gauge) == summary(one[gauge] for one in seen), (row.at, row.step, gauge)
        assert (row.opened, row.closed) == (seen[-1]["opened"], seen[-1]["closed"])
        for name in ("opened_new", "closed_new", "watched"):
            assert getattr(row, name) == sum(one[name] for one in seen)


def fleet_at(world: World, service: int, tick: int) -> dict[str, int] | None:
    """What the fleet's sample of a service holds; None if no server named it."""
    rows = {name: (services_at(world, name, tick) or {}).get(service) for name in world}
    there = {name: row for name, row in rows.items() if row is not None}
    if not there:
        return None
    found: dict[str, int] = defaultdict(int, servers=len(there))
    for name, row in there.items():
        for place, column in enumerate(NAMES):
            found[column] += row[place]
        before = services_at(world, name, tick - 1) if tick else None
        if before is not None:
            found["watched"] = 10
            for column, place in (("opened", 1), ("closed", 2)):
                earlier = before[service][place] if service in before else 0
                found[f"{column}_new"] += row[place] - earlier if row[place] >= earlier else row[place]
    return found


def stored(row: Any, gauge: str) -> tuple[int, int, int, int]:
    last = getattr(row, gauge)
    low, high, total = (getattr(row, f"{gauge}_{part}") for part in ("min", "max", "sum"))
    return (last, last, last, last * row.ticks) if low is None else (last, low, high, total)


@given(worlds())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
def test_rollups_are_what_plain_arithmetic_says(world: World) -> None:
    with undone():
        play(world)
        check_servers(world)
        check_services(world)
        spans = {(row.step, row.at) for row in GameSample.objects.filter(step__gt=10)}
        assert spans == {(row.step, row.at) for row in ServerSample.objects.filter(step__gt=10)}


def roll_all(now: datetime) -> None:
    while roll_up(now=now):
        pass


def test_a_gauge_that_stood_still_takes_no_room() -> None:
    for tick in range(6):
        put_state(GAME, services={1: (5, 10 + tick, 5 + tick, 1, 0, 0)}, now=NOW + tick * TICK)
        make_samples(now=NOW + tick * TICK)
    roll_all(NOW + timedelta(minutes=5))
    row = ServerSample.objects.get(step=60)
    assert (row.gauges, row.totals, row.low, row.high, row.sums) == ([5, 1], [15, 10], None, None, None)
    service = ServiceSample.objects.get(step=60)
    assert (service.live, service.live_min, service.live_max, service.live_sum) == (5, None, None, None)


def test_each_resolution_is_made_from_the_finer_one() -> None:
    moments = [NOW + TICK * index for index in range(0, 360, 15)]
    for index, now in enumerate(moments):
        put_state(GAME, services={1: (index, index, 0, 0, 0, 0)}, now=now, pools={"Died": (9, index, index, 1)})
        make_samples(now=now)
    roll_all(NOW + timedelta(hours=1, seconds=15))
    row = ServiceSample.objects.get(step=3_600)
    last = len(moments) - 1
    assert stored(row, "live") == (last, 0, last, sum(range(last + 1)))
    assert (row.at, row.ticks, row.opened) == (NOW, len(moments), last)
    assert PoolSample.objects.get(step=3_600).hits == last
    assert {step: ServiceSample.objects.filter(step=step).count() for step in (60, 600)} == {60: last + 1, 600: 6}


def test_a_span_is_rolled_up_once_it_is_over_and_a_little_more() -> None:
    put_state(GAME, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    assert not roll_up(now=NOW + timedelta(seconds=74))
    assert roll_up(now=NOW + timedelta(seconds=75))
    assert not roll_up(now=NOW + timedelta(seconds=80))


def test_a_gap_stays_a_gap() -> None:
    for minutes in (0, 1, 25):
        put_state(GAME, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW + timedelta(minutes=minutes))
        make_samples(now=NOW + timedelta(minutes=minutes))
    roll_all(NOW + timedelta(hours=2))
    minutes_there = [int((row.at - NOW).total_seconds()) // 60 for row in GameSample.objects.filter(step=60)]
    assert sorted(minutes_there) == [0, 1, 25]
    assert GameSample.objects.filter(step=600).count() == 2
    assert GameSample.objects.get(step=3_600).ticks == 3


def test_a_sample_that_comes_late_is_rolled_up_after_all() -> None:
    put_state(GAME, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    roll_all(NOW + timedelta(hours=2))
    put_state(GAME, services={1: (4, 4, 0, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW + 2 * TICK)
    roll_all(NOW + timedelta(hours=2))
    for step in (60, 600, 3_600):
        assert stored(ServiceSample.objects.get(step=step), "live") == (4, 1, 4, 5)
        assert unpack(ServerSample.objects.get(step=step), 1, 0) == (4, 1, 4, 5)


def test_a_clock_that_leapt_ahead_and_came_back_stops_nothing() -> None:
    ahead = NOW + timedelta(hours=2)
    for now in (NOW, ahead):
        put_state(GAME, services={1: (1, 1, 0, 0, 0, 0)}, now=now)
        make_samples(now=now)
        roll_all(now + timedelta(minutes=2))
    back = NOW + timedelta(minutes=3)
    put_state(GAME, services={1: (2, 2, 0, 0, 0, 0)}, now=back)
    make_samples(now=back)
    roll_all(back + timedelta(minutes=2))
    assert sorted(GameSample.objects.filter(step=60).values_list("at", flat=True)) == [NOW, back, ahead]


def test_servers_of_two_games_are_rolled_up_apart() -> None:
    for game, live in ((7, 1), (8, 2)):
        put_state(game, services={1: (live, 1, 0, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    roll_all(NOW + timedelta(minutes=5))
    lives = dict(ServiceSample.objects.filter(step=60).values_list("game_id", "live"))
    assert lives == {7: 1, 8: 2}
    assert dict(ServerSample.objects.filter(step=60).values_list("game_id", "gauges")) == {7: [1], 8: [2]}
