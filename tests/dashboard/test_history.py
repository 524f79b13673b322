"""The last hour for charts."""

from datetime import datetime, timedelta

from connmon.accounts.models import Game
from dashboard.queries.history import OTHERS, game_history, service_history
from tests.dashboard.factories import Counters, put_samples, put_service


def test_the_six_largest_services_are_drawn_and_the_rest_is_one_line(game: Game, now: datetime) -> None:
    services = {put_service(game, f"S{n}"): [Counters(live=10 * n), Counters(live=10 * n)] for n in range(1, 10)}
    put_samples(game, services, now=now)
    history = game_history(game.pk, now=now)
    assert [line.name for line in history.series] == ["S9", "S8", "S7", "S6", "S5", "S4", "All others"]
    assert (history.series[-1].id, history.series[-1].values) == (OTHERS, [60, 60])


def test_six_services_leave_no_line_of_others(game: Game, now: datetime) -> None:
    put_samples(game, {put_service(game, f"S{n}"): [Counters()] for n in range(6)}, now=now)
    assert OTHERS not in [line.id for line in game_history(game.pk, now=now).series]


def test_samples_older_than_an_hour_are_left_out(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters()]}, now=now - timedelta(minutes=61))
    put_samples(game, {service: [Counters()]}, now=now - timedelta(minutes=59))
    assert len(game_history(game.pk, now=now).at) == 1


def test_the_resolution_is_the_usual_step_even_with_a_gap(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters()] * 5}, now=now - timedelta(minutes=30))
    put_samples(game, {service: [Counters()] * 5}, now=now)
    assert game_history(game.pk, now=now).resolution == 10.0


def test_tile_lines_have_rates_from_the_second_point_on(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters(opened=100), Counters(opened=150)]}, now=now)
    sparks = game_history(game.pk, now=now).sparks
    assert sparks is not None
    assert sparks.opened_rate == [None, 5.0]


def test_another_games_samples_are_not_drawn(game: Game, other_game: Game, now: datetime) -> None:
    put_samples(other_game, {put_service(other_game, "CombatService"): [Counters()]}, now=now)
    assert game_history(game.pk, now=now).at == []


def test_one_service_shows_live_and_orphaned(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters(live=5, orphaned=1), Counters(live=6, orphaned=2)]}, now=now)
    history = service_history(game.pk, service.pk, now=now)
    assert [(line.name, line.values) for line in history.series] == [("Live", [5, 6]), ("Orphaned", [1, 2])]


def test_a_service_of_another_game_has_no_history(game: Game, other_game: Game, now: datetime) -> None:
    service = put_service(other_game, "CombatService")
    put_samples(other_game, {service: [Counters()]}, now=now)
    assert service_history(game.pk, service.pk, now=now).series == []
