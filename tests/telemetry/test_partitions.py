"""Partitions are made ahead, dropped whole, and a clock that leaps does not drop everything."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.db import connection

from connmon.telemetry.actions import drop_old, make_samples
from connmon.telemetry.models import GameSample, RetentionClock, ServerSample, Tick
from connmon.telemetry.partitions import drop_partitions, ensure_partitions, list_partitions, parent_name
from connmon.telemetry.resolutions import PARTITION_SPANS, STEPS
from connmon.telemetry.tables import PARTITIONED
from tests.conftest import NOW
from tests.telemetry.worlds import put_state

pytestmark = pytest.mark.django_db
FAR = NOW.replace(year=2031)  # no other test has partitions there
HALF_HOUR = timedelta(minutes=30)


def spans(table: str, step: int, *, since: datetime = FAR - timedelta(days=400)) -> list[tuple[datetime, datetime]]:
    """The partitions that are there from `since` on."""
    found = [(one.since, one.until) for one in list_partitions([parent_name(table, step)])]
    return sorted(span for span in found if span[0] >= since)


def test_partitions_are_there_before_their_time() -> None:
    drop_old(now=FAR)
    for table, steps in PARTITIONED:
        for step in steps:
            first, second = spans(table, step)
            assert first[0] <= FAR < first[1] == second[0]
            assert second[1] - second[0] == PARTITION_SPANS[step]


def test_making_them_twice_makes_them_once() -> None:
    ensure_partitions(10, FAR, ahead=1)
    ensure_partitions(10, FAR + timedelta(minutes=29), ahead=1)
    assert spans("telemetry_gamesample", 10) == [
        (FAR, FAR + HALF_HOUR),
        (FAR + HALF_HOUR, FAR + 2 * HALF_HOUR),
    ]


def test_a_partition_with_other_bounds_is_left_as_it_is() -> None:
    middle = FAR + timedelta(minutes=10)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE odd PARTITION OF telemetry_gamesample_10 FOR VALUES FROM (%s) TO (%s)",
            [middle.isoformat(), (middle + timedelta(minutes=5)).isoformat()],
        )
    for minute in (12, 0, 20):
        ensure_partitions(10, FAR + timedelta(minutes=minute))
    borders = [FAR, middle, middle + timedelta(minutes=5), FAR + HALF_HOUR]
    assert spans("telemetry_gamesample", 10) == list(pairwise(borders))


def test_a_sample_makes_its_own_partition_if_nobody_did() -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=FAR)
    make_samples(now=FAR)
    assert GameSample.objects.get(at=FAR).servers == 1
    assert ServerSample.objects.get(at=FAR).gauges == [1]


def test_what_is_past_its_retention_goes_whole() -> None:
    keep = settings.HISTORY_KEEP[10]
    old, kept = FAR - keep - HALF_HOUR, FAR - keep
    for now in (old, kept, FAR):
        put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=now)
        make_samples(now=now)
    dropped = [name for name in drop_old(now=FAR) if f"{old:%Y%m%d%H%M}" in name]
    assert sorted(dropped) == sorted(f"{table}_10_{old:%Y%m%d%H%M}" for table, steps in PARTITIONED if 10 in steps)
    assert set(GameSample.objects.values_list("at", flat=True)) == {kept, FAR}
    assert set(Tick.objects.values_list("at", flat=True)) == {kept, FAR}


def test_each_resolution_has_its_own_retention() -> None:
    for step in STEPS:
        ensure_partitions(step, FAR - timedelta(days=15))
    drop_old(now=FAR)
    left = {step for step in STEPS if spans("telemetry_serversample", step)[0][0] < FAR - timedelta(days=10)}
    assert left == {3_600}


def test_a_clock_that_leaps_ahead_drops_an_hour_at_most() -> None:
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=FAR)
    make_samples(now=FAR)
    drop_old(now=FAR)
    drop_old(now=FAR + timedelta(days=500))
    assert RetentionClock.objects.get().at == FAR + timedelta(hours=1)
    assert GameSample.objects.get().at == FAR


def test_retention_catches_up_after_a_long_pause() -> None:
    ensure_partitions(10, FAR)
    drop_old(now=FAR)
    later = FAR + timedelta(hours=9)
    for _ in range(9):
        drop_old(now=later)
    assert spans("telemetry_gamesample", 10)[0][0] > FAR


def test_a_clock_that_steps_back_drops_nothing() -> None:
    ensure_partitions(10, FAR)
    drop_old(now=FAR)
    assert drop_partitions(10, before=FAR) == []
    drop_old(now=FAR - timedelta(days=30))
    assert spans("telemetry_gamesample", 10, since=FAR)
