"""What the overview counts."""

from datetime import datetime, timedelta

import pytest

from connmon.accounts.models import Game
from dashboard.queries.services import Overview, overview
from tests.dashboard.factories import Counters, Pool, ServerSpec, put_samples, put_server, put_service


@pytest.fixture
def state(game: Game, other_game: Game, now: datetime) -> Overview:
    combat = {"CombatService": Counters(live=100, idle=5, orphaned=7, stale=1)}
    put_server(game, ServerSpec("one", combat | {"PetService": Counters(live=30)}, [Pool()], players=10), now=now)
    put_server(game, ServerSpec("two", combat, [Pool(hits=20, misses=80)], players=5, synced=False), now=now)
    put_server(game, ServerSpec("mute", combat, [Pool()], players=9, age=timedelta(minutes=2)), now=now)
    put_server(game, ServerSpec("gone", combat, ended=True), now=now)
    put_server(other_game, ServerSpec("foreign", combat), now=now)
    return overview(game.pk, now=now)


def test_reporting_servers_are_counted_apart_from_silent_ones(state: Overview) -> None:
    assert (state.totals.reporting, state.totals.silent, state.totals.syncing) == (2, 1, 1)


def test_players_and_memory_are_of_reporting_servers(state: Overview) -> None:
    assert (state.totals.players, state.totals.memory_mb) == (15, 1600.0)


def test_connections_of_a_silent_server_are_unknown_and_not_live(state: Overview) -> None:
    assert (state.totals.live, state.totals.unknown) == (230, 100)


def test_pool_reuse_is_the_share_of_slots_that_were_reused(state: Overview) -> None:
    assert state.totals.pool_reuse == pytest.approx(0.5)


def test_a_service_sums_its_reporting_servers(state: Overview) -> None:
    combat = state.services[0]
    assert (combat.name, combat.servers, combat.live, combat.idle, combat.orphaned, combat.stale, combat.unknown) == (
        "CombatService",
        2,
        200,
        10,
        14,
        2,
        100,
    )


def test_services_with_orphaned_connections_come_first(state: Overview) -> None:
    assert [row.name for row in state.services] == ["CombatService", "PetService"]


def test_the_verdict_is_of_these_figures(state: Overview) -> None:
    assert state.verdict.text == (
        "1 of 3 servers is silent and 100 connections are unknown; "
        "14 connections are orphaned, all in CombatService, and 2 are stale."
    )


def test_a_game_without_servers_has_zeros_and_unknown_rates(game: Game, now: datetime) -> None:
    totals = overview(game.pk, now=now).totals
    assert (totals.live, totals.opened_rate, totals.pool_reuse, totals.memory_mb) == (0, None, None, None)


def test_rates_are_counted_between_samples_of_the_last_minute(game: Game, now: datetime) -> None:
    put_server(game, now=now)
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters(opened=100 + 30 * n, closed=10 * n) for n in range(20)]}, now=now)
    row = overview(game.pk, now=now).services[0]
    assert [row.opened_rate, row.closed_rate] == pytest.approx([3.0, 1.0])


def test_a_server_that_joins_between_two_samples_does_not_count_as_opened_connections(
    game: Game, now: datetime
) -> None:
    put_server(game, now=now)
    service = put_service(game, "CombatService")
    before = now - timedelta(seconds=30)
    put_samples(game, {service: [Counters(opened=100), Counters(opened=120)]}, now=before, servers=1)
    put_samples(game, {service: [Counters(opened=9_120), Counters(opened=9_140)]}, now=now, servers=2)
    assert overview(game.pk, now=now).services[0].opened_rate == pytest.approx(2.0)


def test_rates_are_unknown_without_samples(game: Game, now: datetime) -> None:
    put_server(game, now=now)
    assert overview(game.pk, now=now).services[0].opened_rate is None
