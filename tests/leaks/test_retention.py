"""What the leaks room forgets, and what it keeps."""

from datetime import timedelta

import pytest

from connmon.accounts.models import Game
from connmon.leaks import look
from connmon.leaks.models import Departure, Leak, LeakEvent, Origin, Roll, Sighting, Tick, Tidiness
from connmon.leaks.retention import LEDGER_KEPT, ORIGINS_KEPT, TICKS_KEPT, drop_old
from connmon.registry.models import GameServer
from tests.leaks.ledger import put_leak
from tests.leaks.looks import Clock, begin, look_for, tell
from tests.machine import Machine, closed, opened

SECOND = timedelta(seconds=1)


def test_old_ticks_are_dropped(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1)])
    look_for(game, clock, 2)
    drop_old(now=clock.now + TICKS_KEPT - timedelta(seconds=60))
    assert Tick.objects.count() == 1


def test_sites_that_hold_nothing_any_more_make_room(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, site="Gone:1"), opened(2, site="Here:2")])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    gone_at = clock.now
    clock.pass_(50)
    look_for(game, clock, 1)
    seen = {origin.site: origin.seen_at for origin in Origin.objects.all()}
    assert seen["Here:2"] == seen["Gone:1"] == gone_at  # brought up to date once an hour
    clock.pass_(9)
    look_for(game, clock, 2)
    drop_old(now=gone_at + ORIGINS_KEPT + SECOND)
    assert [origin.site for origin in Origin.objects.all()] == ["Here:2"]


def test_a_game_full_of_old_sites_sees_new_ones_again(
    server: Machine, game: Game, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "ORIGINS_PER_GAME", 3)
    begin(server, events=[opened(n, site=f"Old:{n}") for n in range(1, 4)])
    look_for(game, clock, 1)
    old_at = clock.now
    tell(server, closed=[closed(n) for n in range(1, 4)], opened=[opened(9, site="New:9")])
    look_for(game, clock, 1)
    assert not Origin.objects.filter(site="New:9").exists()
    drop_old(now=old_at + ORIGINS_KEPT + SECOND)
    look_for(game, clock, 1)
    assert [origin.site for origin in Origin.objects.all()] == ["New:9"]


def test_the_ledger_keeps_a_leak_for_a_year_after_it_was_seen(game: Game, clock: Clock) -> None:
    leak = put_leak(game, now=clock.now, last_seen_at=clock.now)
    LeakEvent.objects.create(leak=leak, at=clock.now, state="new", rung="confirmed")
    drop_old(now=clock.now + LEDGER_KEPT)
    assert Leak.objects.count() == 1
    drop_old(now=clock.now + LEDGER_KEPT + SECOND)
    assert (Leak.objects.count(), LeakEvent.objects.count(), Origin.objects.count()) == (0, 0, 0)


def test_old_counts_of_departures_go(game: Game, clock: Clock) -> None:
    for hour in (clock.now, clock.now - LEDGER_KEPT - SECOND):
        Tidiness.objects.create(game_id=game.pk, hour=hour, owner_kind=2, tidy=1, left_behind=0)
    drop_old(now=clock.now)
    assert [row.hour for row in Tidiness.objects.all()] == [clock.now]


def test_a_removed_game_takes_everything_with_it(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, state="orphaned"), opened(2, owner="player:2"), opened(3, owner="player:3")])
    look_for(game, clock, 1)
    tell(server, closed=[closed(2)])
    look_for(game, clock, 3)
    Tidiness.objects.create(game_id=game.pk, hour=clock.now, owner_kind=2, tidy=1, left_behind=0)
    assert Departure.objects.exists()
    assert Roll.objects.exists()
    drop_old(now=clock.now)
    assert all(model.objects.exists() for model in (Sighting, Roll, Departure, Tidiness, Leak))  # nothing goes early
    GameServer.objects.all().delete()
    game.delete()
    drop_old(now=clock.now)
    assert not any(model.objects.exists() for model in (Sighting, Roll, Departure, Tidiness, Leak, Origin))
