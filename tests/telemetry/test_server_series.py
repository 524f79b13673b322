"""Charts of one server, over its boots, and what is marked on them."""

from datetime import timedelta

import pytest

from connmon.accounts.models import Game
from connmon.core.errors import Invalid, NotFound
from connmon.registry.models import ServerEvent, Service
from connmon.telemetry.actions import make_samples, make_type_samples, roll_up
from connmon.telemetry.marks import Mark, MarkKind, find_marks
from connmon.telemetry.measures import MEASURES, Split
from connmon.telemetry.queries import Span
from connmon.telemetry.server_queries import server_series
from tests.conftest import NOW
from tests.telemetry.test_series import drawn, put_service, span
from tests.telemetry.worlds import TICK, Counters, put_server, put_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def combat(game: Game) -> int:
    put_server(game.pk, "one", now=NOW - timedelta(hours=1))
    return put_service(game, "Combat")


def sample(game: Game, back: int, services: dict[int, Counters], *, boot: str = "boot", players: int = 5) -> None:
    at = NOW - back * TICK
    put_state(game.pk, "one", services, now=at, boot=boot, players=players, memory_mb=100.0 + back)
    put_state(game.pk, "other", {1: (900, 900, 0, 0, 0, 0)}, now=at)
    make_samples(now=at)


def test_a_server_is_drawn_whole_by_service_and_one_service(game: Game, combat: int) -> None:
    shop = put_service(game, "Shop")
    sample(game, 2, {combat: (3, 3, 0, 0, 0, 0), shop: (4, 4, 0, 0, 1, 0)})
    sample(game, 1, {combat: (5, 5, 0, 0, 0, 0), shop: (4, 4, 0, 0, 1, 0)}, players=7)
    assert drawn(server_series(game.pk, "live", server="one", span=span())) == {"All": {20: 7, 10: 9}}
    assert drawn(server_series(game.pk, "live", server="one", span=span(), split=Split.SERVICE)) == {
        "Combat": {20: 3, 10: 5},
        "Shop": {20: 4, 10: 4},
    }
    alone = server_series(game.pk, "orphaned", server="one", span=span(), service_id=shop)
    assert drawn(alone) == {"All": {20: 1, 10: 1}}
    assert drawn(server_series(game.pk, "players", server="one", span=span())) == {"All": {20: 5, 10: 7}}
    assert drawn(server_series(game.pk, "memory_mb", server="one", span=span())) == {"All": {20: 102, 10: 101}}


def test_rates_of_a_server_know_restarts_and_gaps(game: Game, combat: int) -> None:
    for back, opened in ((12, 100), (11, 150)):
        sample(game, back, {combat: (1, opened, opened, 0, 0, 0)})
    sample(game, 7, {combat: (1, 900, 900, 0, 0, 0)})  # silent for 40 s in between
    put_state(game.pk, "one", now=NOW - 6 * TICK, superseded=True)
    put_server(game.pk, "one", boot="second", now=NOW - 6 * TICK)
    for back, opened in ((6, 40), (5, 60)):
        sample(game, back, {combat: (1, opened, opened, 0, 0, 0)}, boot="second")
    assert drawn(server_series(game.pk, "opened_rate", server="one", span=span())) == {"All": {110: 5.0, 50: 2.0}}


def test_the_first_point_of_a_chart_has_a_rate_if_there_is_an_earlier_sample(game: Game, combat: int) -> None:
    for back, opened in ((31, 100), (30, 110)):
        sample(game, back, {combat: (1, opened, 0, 0, 0, 0)})
    chart = server_series(game.pk, "opened_rate", server="one", span=span())
    assert chart.lines[0].values[0] == 1.0


def test_a_server_is_drawn_the_same_after_rolling_up(game: Game, combat: int) -> None:
    wide = (40_000, 2**40, 0, 0, 0, 0)
    for back in range(60, 0, -1):
        sample(game, back, {combat: (back, 9_000 - back, 0, 0, 0, 0), 99: wide if back == 30 else (1, 1, 1, 1, 1, 1)})
    asked = {"server": "one", "span": span(timedelta(hours=6)), "service_id": combat}
    before = {name: server_series(game.pk, name, **asked) for name in ("live", "opened_rate")}  # type: ignore[arg-type]
    while roll_up(now=NOW):
        pass
    after = {name: server_series(game.pk, name, **asked) for name in ("live", "opened_rate")}  # type: ignore[arg-type]
    assert (before["live"].resolution, after["live"].resolution) == (10, 60)
    assert after["live"].lines == before["live"].lines
    drawn_rates = [value for value in after["opened_rate"].lines[0].values if value is not None]
    assert drawn_rates == pytest.approx([0.1] * len(drawn_rates))
    assert len(drawn_rates) >= 9


def test_another_games_server_is_not_found(game: Game, other_game: Game, combat: int) -> None:
    sample(game, 1, {combat: (1, 1, 0, 0, 0, 0)})
    with pytest.raises(NotFound):
        server_series(other_game.pk, "live", server="one", span=span())
    with pytest.raises(NotFound):
        find_marks(other_game.pk, span=span(), server="one")
    foreign = Service.objects.create(game=other_game, name="Combat", first_seen_at=NOW)
    with pytest.raises(NotFound):
        server_series(game.pk, "live", server="one", span=span(), service_id=foreign.pk)


def test_every_series_of_servers_can_be_read(game: Game, combat: int) -> None:
    for back in (900, 30, 2, 1):
        sample(game, back, {combat: (1, 1, 0, 0, 0, 0)})
    while roll_up(now=NOW):
        pass
    for name, measure in MEASURES.items():
        for length in (timedelta(minutes=5), timedelta(hours=5), timedelta(days=2), timedelta(days=30)):
            if measure.of_server:
                assert server_series(game.pk, name, server="one", span=span(length)).lines
            else:
                with pytest.raises(Invalid):
                    server_series(game.pk, name, server="one", span=span(length))


@pytest.mark.parametrize("split", [Split.SERVICE, Split.TYPE, Split.SITE])
def test_players_cannot_be_split(game: Game, combat: int, split: Split) -> None:
    with pytest.raises(Invalid):
        server_series(game.pk, "players", server="one", span=span(), split=split)


def test_deploys_are_marked_when_a_version_is_first_seen(game: Game, other_game: Game) -> None:
    for minutes, version, of in ((4, 142, game), (3, 142, game), (2, 143, game), (1, 150, other_game)):
        at = NOW - timedelta(minutes=minutes)
        put_server(of.pk, f"s{minutes}", now=at, version=version)
        put_state(of.pk, f"s{minutes}", now=NOW)
    make_type_samples(now=NOW)
    make_type_samples(now=NOW + timedelta(minutes=1))
    found = [(mark.kind, mark.place_version, mark.at) for mark in find_marks(game.pk, span=span())]
    deploy = MarkKind.DEPLOY
    assert found == [(deploy, 142, NOW - timedelta(minutes=4)), (deploy, 143, NOW - timedelta(minutes=2))]


def test_a_servers_boots_are_marked(game: Game) -> None:
    minute = timedelta(minutes=1)
    first = put_server(game.pk, "one", now=NOW - 4 * minute, ended_at=NOW - minute)
    put_server(game.pk, "one", boot="second", now=NOW - minute / 2, version=143)
    put_server(game.pk, "other", now=NOW - 2 * minute)
    ServerEvent.objects.create(server_id=first, game=game, kind="lost", at=NOW - 3 * minute)
    ServerEvent.objects.create(server_id=first, game=game, kind="gone", at=NOW - minute)
    assert find_marks(game.pk, span=Span(NOW - 5 * minute, NOW, NOW), server="one") == [
        Mark(NOW - 4 * minute, MarkKind.STARTED, 142),
        Mark(NOW - 3 * minute, MarkKind.LOST, None),
        Mark(NOW - minute, MarkKind.ENDED, 142),
        Mark(NOW - minute / 2, MarkKind.STARTED, 143),
    ]
