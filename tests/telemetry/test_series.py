"""Charts of a game's fleet."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from connmon.accounts.models import Game
from connmon.core.errors import Invalid, NotFound
from connmon.registry.models import Service
from connmon.telemetry.actions import make_samples, roll_up
from connmon.telemetry.measures import MEASURES, Split
from connmon.telemetry.queries import OTHERS, Chart, Span, series
from tests.conftest import NOW
from tests.telemetry.worlds import TICK, Counters, Pools, put_state

pytestmark = pytest.mark.django_db
FIVE = timedelta(minutes=5)


def span(length: timedelta = FIVE, *, until: datetime = NOW) -> Span:
    return Span(until - length, until, until)


def put_service(game: Game, name: str) -> int:
    return Service.objects.create(game=game, name=name, first_seen_at=NOW).pk


def sample(
    game: Game, at: datetime, services: dict[int, Counters], name: str = "one", pools: Pools | None = None, **more: Any
) -> None:
    put_state(game.pk, name, services, now=at, pools=pools, **more)
    make_samples(now=at)


def drawn(chart: Chart) -> dict[str, dict[int, float | None]]:
    """Line: seconds before NOW: value, without the moments that have none."""
    return {
        line.name: {
            int((NOW - at).total_seconds()): value
            for at, value in zip(chart.at, line.values, strict=True)
            if value is not None
        }
        for line in chart.lines
    }


def test_a_chart_has_a_point_for_each_tick_and_gaps_are_null(game: Game) -> None:
    combat = put_service(game, "Combat")
    for back in (5, 4, 1):
        sample(game, NOW - back * TICK, {combat: (back, 0, 0, 0, 0, 0)})
    chart = series(game.pk, "live", span=span())
    assert (chart.step, chart.resolution, len(chart.at)) == (10, 10, 30)
    assert drawn(chart) == {"All": {50: 5, 40: 4, 10: 1}}
    assert chart.lines[0].values[0] is None
    assert len(chart.lines[0].values) == len(chart.at)


def test_rates_are_of_the_seconds_that_were_watched(game: Game) -> None:
    combat = put_service(game, "Combat")
    for back, opened in ((5, 100), (4, 150), (3, 170), (1, 190)):
        sample(game, NOW - back * TICK, {combat: (1, opened, opened, 0, 0, 0)})
    assert drawn(series(game.pk, "opened_rate", span=span())) == {"All": {40: 5.0, 30: 2.0, 10: 1.0}}


def test_a_restart_draws_no_jump(game: Game) -> None:
    combat = put_service(game, "Combat")
    sample(game, NOW - 3 * TICK, {combat: (1, 9_000, 9_000, 0, 0, 0)})
    put_state(game.pk, "one", now=NOW, superseded=True)
    sample(game, NOW - 2 * TICK, {combat: (50, 50, 0, 0, 0, 0)}, boot="second")
    sample(game, NOW - 1 * TICK, {combat: (60, 60, 0, 0, 0, 0)}, boot="second")
    assert drawn(series(game.pk, "opened_rate", span=span())) == {"All": {10: 1.0}}
    assert drawn(series(game.pk, "live", span=span()))["All"] == {30: 1, 20: 50, 10: 60}
    assert drawn(series(game.pk, "servers_joined", span=span()))["All"][20] == 1


def test_split_by_service_the_largest_come_first_and_the_rest_is_added_up(game: Game) -> None:
    ids = {put_service(game, f"S{n}"): n for n in range(1, 9)}
    sample(game, NOW - TICK, {pk: (10 * n, 0, 0, 0, 0, 0) for pk, n in ids.items()})
    chart = series(game.pk, "live", span=span(), split=Split.SERVICE)
    assert [line.name for line in chart.lines] == ["S8", "S7", "S6", "S5", "S4", "S3", "All others"]
    assert (chart.lines[-1].key, drawn(chart)["All others"]) == (OTHERS, {10: 30})


def test_one_service_alone(game: Game) -> None:
    combat, shop = put_service(game, "Combat"), put_service(game, "Shop")
    sample(game, NOW - TICK, {combat: (1, 0, 0, 0, 7, 0), shop: (2, 0, 0, 0, 9, 0)})
    assert drawn(series(game.pk, "orphaned", span=span(), service_id=combat)) == {"All": {10: 7}}


def test_pools_by_type_and_their_reuse(game: Game) -> None:
    put_service(game, "Combat")
    sample(game, NOW - 2 * TICK, {}, pools={"Died": (5, 2, 0, 0), "Heartbeat": (9, 3, 0, 0)})
    sample(game, NOW - TICK, {}, pools={"Died": (5, 1, 30, 10), "Heartbeat": (9, 3, 0, 0)})
    assert drawn(series(game.pk, "pool_in_use", span=span(), split=Split.TYPE)) == {
        "Heartbeat": {20: 3, 10: 3},
        "Died": {20: 2, 10: 1},
    }
    assert drawn(series(game.pk, "pool_in_use", span=span())) == {"All": {20: 5, 10: 4}}
    assert drawn(series(game.pk, "pool_reuse", span=span())) == {"All": {10: 0.75}}


def test_a_long_chart_goes_on_to_now_and_is_the_same_before_and_after_rolling_up(game: Game) -> None:
    combat = put_service(game, "Combat")
    for back in range(1, 240, 7):
        sample(game, NOW - back * TICK, {combat: (back, 1_000 - back, 0, 0, 0, 0)})
    before = {name: series(game.pk, name, span=span(timedelta(days=2))) for name in ("live", "opened_rate")}
    while roll_up(now=NOW):
        pass
    after = {name: series(game.pk, name, span=span(timedelta(days=2))) for name in ("live", "opened_rate")}
    assert (before["live"].resolution, after["live"].resolution, after["live"].step) == (10, 600, 600)
    for name, chart in after.items():
        assert [line.values for line in chart.lines] == [line.values for line in before[name].lines]
    line = after["live"].lines[0]
    assert line.low == before["live"].lines[0].low
    assert (line.low[-1], line.high[-1]) == (1, 57)
    assert sum(value is not None for value in line.values) == 4


def test_a_point_of_several_ticks_has_mean_lowest_and_highest(game: Game) -> None:
    combat = put_service(game, "Combat")
    for index, live in enumerate((2, 8, 5)):
        sample(game, NOW - timedelta(minutes=5) + index * TICK, {combat: (live, 0, 0, 0, 0, 0)})
    chart = series(game.pk, "live", span=span(timedelta(hours=6)))
    point = chart.at.index(NOW - timedelta(minutes=5))
    line = chart.lines[0]
    assert (chart.step, line.values[point], line.low[point], line.high[point]) == (60, 5.0, 2, 8)


def test_another_games_samples_are_not_drawn(game: Game, other_game: Game) -> None:
    combat = put_service(game, "Combat")
    sample(game, NOW - TICK, {combat: (1, 0, 0, 0, 0, 0)}, pools={"Died": (1, 1, 1, 1)})
    for name, measure in MEASURES.items():
        for split in measure.tables:
            assert series(other_game.pk, name, span=span(), split=split).lines == []
    with pytest.raises(NotFound):
        series(other_game.pk, "live", span=span(), service_id=combat)


def test_every_series_can_be_read_at_every_resolution(game: Game) -> None:
    combat = put_service(game, "Combat")
    for back in (400, 30, 2, 1):
        sample(game, NOW - back * TICK, {combat: (1, 5, 4, 1, 1, 1)}, pools={"Died": (1, 1, 1, 1)})
    while roll_up(now=NOW):
        pass
    for name, measure in MEASURES.items():
        for split in measure.tables:
            for length in (FIVE, timedelta(hours=5), timedelta(days=2), timedelta(days=30)):
                series(game.pk, name, span=span(length), split=split)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("nothing", {}),
        ("players", {"split": Split.SERVICE}),
        ("pool_size", {"split": Split.SERVICE}),
        ("opened_rate", {"split": Split.TYPE}),
    ],
)
def test_what_there_is_not_is_refused(game: Game, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        series(game.pk, name, span=span(), **options)


@pytest.mark.parametrize("length", [timedelta(minutes=4, seconds=59), timedelta(0), -FIVE, timedelta(days=367)])
def test_times_too_short_or_too_long_are_refused(length: timedelta) -> None:
    with pytest.raises(Invalid):
        span(length)


def test_times_to_come_are_empty(game: Game) -> None:
    later = Span(NOW + FIVE, NOW + 2 * FIVE, NOW)
    assert series(game.pk, "live", span=later).lines == []


def test_a_month_of_a_fleet_is_one_query(game: Game, django_assert_num_queries: Any) -> None:
    sample(game, NOW - TICK, {})
    with django_assert_num_queries(2):  # up to when it is rolled up; the chart
        series(game.pk, "players", span=span(timedelta(days=30)))
