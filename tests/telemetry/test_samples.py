"""Samples of what the registry holds, made once for each tick."""

from copy import copy
from datetime import timedelta
from typing import Any, Final

import pytest

from connmon.accounts.models import Game
from connmon.registry.models import ServerState
from connmon.telemetry.actions import SAMPLE_INTERVAL, make_samples, tick_of
from connmon.telemetry.models import GameSample, PoolSample, ServerSample, ServiceSample, Tick
from tests.conftest import NOW
from tests.telemetry.worlds import TICK, put_server, put_state

pytestmark = pytest.mark.django_db
A, B, C = 1, 2, 3  # services
ONE: Final = (1, 10, 9, 0, 0, 0)
FIELDS: Final = ("servers", "live", "opened", "closed", "idle", "orphaned", "stale")


def services_of(game_id: int, at: Any = NOW) -> dict[int, tuple[int, ...]]:
    """By service: servers, live, opened, closed, idle, orphaned, stale."""
    rows = ServiceSample.objects.filter(game_id=game_id, at=at, step=10)
    return {row[0]: row[1:] for row in rows.values_list("service_id", *FIELDS)}


def growth_of(game_id: int, service: int, at: Any) -> tuple[int, int, int]:
    """Opened and closed since the tick before, and the seconds in between."""
    row = ServiceSample.objects.get(game_id=game_id, service_id=service, at=at)
    return row.opened_new, row.closed_new, row.watched


def test_a_sample_sums_each_service_over_its_servers() -> None:
    put_state(7, "one", {A: (1, 10, 9, 1, 2, 3), B: (4, 4, 0, 0, 0, 0)}, now=NOW)
    put_state(7, "two", {A: (2, 2**40, 18, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    assert services_of(7) == {A: (2, 3, 10 + 2**40, 27, 1, 2, 3), B: (1, 4, 4, 0, 0, 0, 0)}


def test_a_sample_of_a_game_has_players_memory_and_pools() -> None:
    put_state(7, "one", {A: ONE}, now=NOW, pools={"Heartbeat": (4, 1, 80, 20), "Touched": (2, 2, 5, 5)})
    put_state(7, "two", now=NOW, memory_mb=None, pools={"Heartbeat": (6, 3, 2**40, 1)})
    put_state(7, "three", now=NOW, memory_mb=50.5)
    make_samples(now=NOW)
    sample = GameSample.objects.get()
    assert (sample.game_id, sample.servers, sample.players, sample.memory_mb) == (7, 3, 15, 150.5)
    assert sample.signals_mb == pytest.approx(15.05)
    assert (sample.live, sample.pool_hits, sample.pool_misses) == (1, 85 + 2**40, 26)
    pools = PoolSample.objects.order_by("type").values_list("type", "size", "in_use", "hits", "misses")
    assert list(pools) == [("Heartbeat", 10, 4, 80 + 2**40, 21), ("Touched", 2, 2, 5, 5)]


def test_a_servers_sample_is_packed_without_sections_of_zeros() -> None:
    put_state(7, "idle", {A: (5, 10, 5, 2, 0, 0), B: (6, 20, 14, 0, 0, 0)}, now=NOW)
    key = put_state(7, "plain", {A: (5, 10, 5, 0, 0, 0), B: (6, 20, 14, 0, 0, 0)}, now=NOW, players=3)
    make_samples(now=NOW)
    row = ServerSample.objects.get(server_id=key)
    assert (row.services, row.gauges, row.totals, row.wide) == ([A, B], [5, 6], [10, 20, 5, 14], None)
    assert (row.game_id, row.players, row.memory_mb, row.ticks) == (7, 3, 100.0, 1)
    other = ServerSample.objects.exclude(server_id=key).get()
    assert other.gauges == [5, 6, 2, 0]


@pytest.mark.parametrize(
    "counters",
    [
        (32_768, 1, 1, 0, 0, 0),
        (1, 2**31, 1, 0, 0, 0),
        (1, 1, 2**53 - 1, 0, 0, 0),
        (2**31 - 1, 0, 0, 1, 0, 7),
    ],
)
def test_numbers_too_large_to_pack_are_kept_all_the_same(counters: tuple[int, int, int, int, int, int]) -> None:
    put_state(7, services={A: ONE, B: counters}, now=NOW)
    make_samples(now=NOW)
    row = ServerSample.objects.get()
    assert (row.gauges, row.totals) == (None, None)
    live, opened, closed, idle, orphaned, stale = zip(ONE, counters, strict=True)
    assert row.wide == [*live, *idle, *orphaned, *stale, *opened, *closed]
    make_samples(now=NOW + TICK)
    assert services_of(7, NOW + TICK)[B][1:] == counters
    assert growth_of(7, B, NOW + TICK) == (0, 0, 10)


def test_sums_past_what_a_table_holds_stop_there() -> None:
    key = put_state(7, "one", {A: (1, 2**53 - 1, 2**53 - 1, 0, 0, 0)}, now=NOW)
    state = ServerState.objects.get(server_id=key)
    more = [copy(state) for _ in range(1_030)]
    for number, one in enumerate(more):
        one.server_id = number
    ServerState.objects.bulk_create(more)
    make_samples(now=NOW)
    assert services_of(7)[A][:4] == (1_031, 1_031, 2**63 - 1, 2**63 - 1)


def test_growth_is_counted_from_one_tick_to_the_next() -> None:
    put_state(7, "one", {A: (1, 10, 9, 0, 0, 0)}, now=NOW)
    put_state(7, "two", {A: (1, 100, 99, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    assert growth_of(7, A, NOW) == (0, 0, 0)
    put_state(7, "one", {A: (2, 15, 13, 0, 0, 0)}, now=NOW)
    put_state(7, "two", {A: (1, 107, 106, 0, 0, 0), B: (3, 3, 0, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW + TICK)
    assert growth_of(7, A, NOW + TICK) == (12, 11, 10)
    assert growth_of(7, B, NOW + TICK) == (3, 0, 10)
    game = GameSample.objects.get(at=NOW + TICK)
    assert (game.opened_new, game.closed_new, game.watched) == (15, 11, 10)


def test_services_in_another_order_are_still_compared_with_themselves() -> None:
    put_state(7, services={A: (1, 10, 9, 0, 0, 0), B: (1, 50, 49, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    put_state(7, services={C: (1, 1, 0, 0, 0, 0), B: (1, 52, 51, 0, 0, 0), A: (1, 11, 10, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW + TICK)
    assert [growth_of(7, service, NOW + TICK) for service in (A, B, C)] == [(1, 1, 10), (2, 2, 10), (1, 0, 10)]


def test_a_restart_does_not_count_as_growth() -> None:
    put_state(7, "one", {A: (1, 10, 9, 0, 0, 0)}, now=NOW)
    put_state(7, "two", {A: (1, 5_000, 4_999, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    put_state(7, "two", {A: (1, 5_000, 4_999, 0, 0, 0)}, now=NOW, superseded=True)
    put_state(7, "two", {A: (40, 40, 0, 0, 0, 0)}, now=NOW, boot="second")
    put_state(7, "one", {A: (1, 11, 10, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW + TICK)
    assert growth_of(7, A, NOW + TICK) == (1, 1, 10)
    game = GameSample.objects.get(at=NOW + TICK)
    assert (game.servers, game.joined, game.gone) == (2, 1, 1)


def test_a_counter_that_fell_within_a_boot_began_anew() -> None:
    put_state(7, services={A: (1, 10, 9, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    put_state(7, services={A: (1, 4, 3, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW + TICK)
    assert growth_of(7, A, NOW + TICK) == (4, 3, 10)


def test_pools_grow_from_tick_to_tick_too() -> None:
    put_state(7, now=NOW, pools={"Heartbeat": (4, 1, 80, 20)})
    make_samples(now=NOW)
    put_state(7, now=NOW, pools={"Heartbeat": (4, 2, 90, 21), "Touched": (1, 1, 0, 1)})
    make_samples(now=NOW + TICK)
    rows = PoolSample.objects.filter(at=NOW + TICK).order_by("type").values_list("type", "hits_new", "misses_new")
    assert list(rows) == [("Heartbeat", 10, 1), ("Touched", 0, 1)]
    game = GameSample.objects.get(at=NOW + TICK)
    assert (game.hits_new, game.misses_new) == (10, 2)


def test_a_missed_tick_is_bridged_with_the_seconds_it_took() -> None:
    put_state(7, services={A: (1, 10, 9, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    put_state(7, services={A: (1, 40, 39, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW + 2 * TICK)
    assert growth_of(7, A, NOW + 2 * TICK) == (30, 30, 20)


def test_nothing_is_said_of_growth_after_a_long_gap() -> None:
    put_state(7, services={A: (1, 10, 9, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    later = NOW + timedelta(seconds=70)
    put_state(7, services={A: (1, 400, 399, 0, 0, 0)}, now=later)
    make_samples(now=later)
    assert growth_of(7, A, later) == (0, 0, 0)
    assert GameSample.objects.get(at=later).joined == 0


def test_a_tick_made_twice_is_one() -> None:
    put_state(7, services={A: ONE}, now=NOW)
    assert make_samples(now=NOW) == 2
    assert make_samples(now=NOW + timedelta(seconds=SAMPLE_INTERVAL / 2)) == 0
    assert (ServiceSample.objects.count(), GameSample.objects.count(), ServerSample.objects.count()) == (1, 1, 1)


def test_a_clock_that_steps_back_doubles_nothing() -> None:
    put_state(7, services={A: ONE}, now=NOW)
    for moment in (NOW, NOW + TICK, NOW - TICK, NOW, NOW + TICK, NOW + 2 * TICK):
        make_samples(now=moment)
    ticks = list(GameSample.objects.order_by("at").values_list("at", flat=True))
    assert ticks == [NOW - TICK, NOW, NOW + TICK, NOW + 2 * TICK]
    assert Tick.objects.count() == 4


@pytest.mark.parametrize("after", [0.0, 0.001, 4.0, 9.999])
def test_a_moment_belongs_to_the_last_full_tick(after: float) -> None:
    assert tick_of(NOW + timedelta(seconds=after)) == NOW


def test_silent_servers_are_left_out() -> None:
    put_state(7, "reporting", {A: ONE}, now=NOW)
    put_state(7, "silent", {A: (500, 500, 0, 0, 0, 0), B: ONE}, now=NOW, age=timedelta(seconds=31))
    make_samples(now=NOW)
    assert services_of(7) == {A: (1, 1, 10, 9, 0, 0, 0)}
    assert GameSample.objects.get().servers == 1


def test_ended_boots_are_left_out(game: Game) -> None:
    put_state(game.pk, "old", {A: ONE}, now=NOW, superseded=True)
    put_server(game.pk, "closed", now=NOW, ended_at=NOW)
    put_state(game.pk, "closed", {A: ONE}, now=NOW)
    make_samples(now=NOW)
    assert not GameSample.objects.exists()
    assert not ServiceSample.objects.exists()


def test_a_game_whose_servers_are_all_gone_has_no_sample() -> None:
    put_state(7, services={A: ONE}, now=NOW)
    make_samples(now=NOW)
    make_samples(now=NOW + timedelta(seconds=40))
    assert GameSample.objects.filter(at__gt=NOW).count() == 0


def test_games_are_sampled_apart() -> None:
    put_state(7, services={A: (1, 1, 0, 0, 0, 0)}, now=NOW)
    put_state(8, services={A: (2, 2, 0, 0, 0, 0)}, now=NOW)
    make_samples(now=NOW)
    assert (services_of(7)[A][1], services_of(8)[A][1]) == (1, 2)
    assert GameSample.objects.count() == 2


def test_servers_without_services_and_pools_are_sampled() -> None:
    put_state(7, now=NOW)
    make_samples(now=NOW)
    assert (ServerSample.objects.get().services, GameSample.objects.get().live) == ([], 0)


def test_no_servers_make_no_samples(game: Game) -> None:
    assert make_samples(now=NOW) == 0
