"""Connections by type, counted in the registry once a minute."""

from datetime import timedelta
from typing import Any

import pytest

from connmon.accounts.models import Game
from connmon.registry.models import Connection
from connmon.telemetry.actions import make_samples, make_type_samples, roll_up
from connmon.telemetry.measures import Split
from connmon.telemetry.models import Tick, TypeSample
from connmon.telemetry.queries import series
from tests.conftest import NOW
from tests.telemetry.test_series import drawn, put_service, span
from tests.telemetry.worlds import put_state

pytestmark = pytest.mark.django_db
LIVE, IDLE, STALE, ORPHANED = range(4)  # places in registry/states.py
MINUTE = timedelta(minutes=1)


def connect(server: int, service: int, type: str, *states: int) -> None:
    taken = Connection.objects.count()
    Connection.objects.bulk_create(
        Connection(
            server_id=server,
            service_id=service,
            connection_id=taken + number,
            opened_at=0,
            state=state,
            owner_kind=0,
            snapshot=1,
            essential=False,
            owner="player:1",
            name="Died",
            type=type,
            site="",
        )
        for number, state in enumerate(states)
    )


def counted(game_id: int) -> dict[tuple[int, str], tuple[int, int, int, int]]:
    """Live, idle, orphaned, stale by service and type."""
    rows = TypeSample.objects.filter(game_id=game_id, step=60)
    return {(row.service_id, row.type): (row.live, row.idle, row.orphaned, row.stale) for row in rows.filter(at=NOW)}


def test_types_are_counted_over_reporting_servers_by_state(game: Game, other_game: Game) -> None:
    one, two = (put_state(game.pk, name, now=NOW) for name in ("one", "two"))
    silent = put_state(game.pk, "silent", now=NOW, age=timedelta(seconds=40))
    foreign = put_state(other_game.pk, "one", now=NOW)
    connect(one, 1, "Heartbeat", LIVE, LIVE, IDLE, STALE)
    connect(two, 1, "Heartbeat", ORPHANED)
    connect(two, 2, "Touched", LIVE)
    connect(silent, 1, "Heartbeat", LIVE)
    connect(foreign, 1, "Heartbeat", LIVE)
    assert make_type_samples(now=NOW) == 3
    assert counted(game.pk) == {(1, "Heartbeat"): (4, 1, 1, 1), (2, "Touched"): (1, 0, 0, 0)}
    assert counted(other_game.pk) == {(1, "Heartbeat"): (1, 0, 0, 0)}


def test_a_game_with_endless_types_has_its_largest_and_one_for_the_others(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connmon.telemetry.sampling.MOST_TYPES", 2)
    server = put_state(game.pk, now=NOW)
    for number in range(1, 6):
        connect(server, 1, f"Type{number}", *[LIVE] * number)
    make_type_samples(now=NOW)
    assert {type: live for (_, type), (live, *_) in counted(game.pk).items()} == {"Type5": 5, "Type4": 4, "": 6}


def test_a_minute_is_counted_once(game: Game) -> None:
    connect(put_state(game.pk, now=NOW), 1, "Heartbeat", LIVE)
    assert [make_type_samples(now=NOW + timedelta(seconds=back)) for back in (0, 59, 60)] == [1, 0, 0]
    connect(put_state(game.pk, now=NOW + MINUTE), 1, "Heartbeat", LIVE)
    assert make_type_samples(now=NOW + 2 * MINUTE) == 0  # its server is silent by then
    assert Tick.objects.count() == 3


def test_a_registry_that_takes_long_to_count_is_counted_less_often(game: Game) -> None:
    server = put_state(game.pk, now=NOW)
    connect(server, 1, "Heartbeat", LIVE)
    make_type_samples(now=NOW)
    Tick.objects.update(took=10.0)
    made: dict[int, Any] = {}
    for minute in range(1, 5):
        put_state(game.pk, now=NOW + minute * MINUTE)
        made[minute] = make_type_samples(now=NOW + minute * MINUTE)
    assert made == {1: 0, 2: 0, 3: 0, 4: 1}


def test_types_are_drawn_and_rolled_up(game: Game) -> None:
    combat = put_service(game, "Combat")
    for minute, count in ((-20, 1), (-19, 3)):
        at = NOW + minute * MINUTE
        server = put_state(game.pk, now=at)
        connect(server, combat, "Heartbeat", *[LIVE] * count)
        make_samples(now=at)
        make_type_samples(now=at)
    asked: dict[str, Any] = {"split": Split.TYPE, "service_id": combat}
    chart = series(game.pk, "live", span=span(timedelta(hours=1)), **asked)
    assert (chart.step, drawn(chart)) == (60, {"Heartbeat": {1200: 1, 1140: 4}})
    while roll_up(now=NOW):
        pass
    rolled = series(game.pk, "live", span=span(timedelta(days=2)), **asked)
    line = rolled.lines[0]
    assert (rolled.resolution, [v for v in line.values if v is not None], max(v or 0 for v in line.high)) == (
        600,
        [2.5],
        4,
    )
