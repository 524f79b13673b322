"""The overview's sparklines."""

from datetime import datetime, timedelta

from connmon.accounts.models import Game
from dashboard.queries.history import sparklines
from tests.dashboard.factories import Counters, put_samples, put_service


def test_samples_older_than_an_hour_are_left_out(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters()]}, now=now - timedelta(minutes=61))
    put_samples(game, {service: [Counters()]}, now=now - timedelta(minutes=59))
    assert len(sparklines(game.pk, now=now).at) == 1


def test_the_resolution_is_the_usual_step_even_with_a_gap(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters()] * 5}, now=now - timedelta(minutes=30))
    put_samples(game, {service: [Counters()] * 5}, now=now)
    assert sparklines(game.pk, now=now).resolution == 10.0


def test_tile_lines_have_rates_from_the_second_point_on(game: Game, now: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters(opened=100), Counters(opened=150)]}, now=now)
    assert sparklines(game.pk, now=now).sparks.opened_rate == [None, 5.0]


def test_another_games_samples_are_not_drawn(game: Game, other_game: Game, now: datetime) -> None:
    put_samples(other_game, {put_service(other_game, "CombatService"): [Counters()]}, now=now)
    assert sparklines(game.pk, now=now).at == []
