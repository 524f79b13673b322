"""Automatic cleanup as it happened: who left, and whether anything of theirs stayed."""

from datetime import timedelta

from connmon.accounts.models import Game
from connmon.leaks.models import Departure, Roll, Tidiness
from connmon.leaks.queries import tidiness
from connmon.registry.models import GameServer
from tests.leaks.looks import Clock, begin, look_for, of_service, tell
from tests.machine import Json, Machine, changed, closed, opened

SETTLES = 6  # looks until somebody who holds nothing counts as gone


def shares(game: Game, clock: Clock) -> dict[str, dict[str, float | int | None]]:
    return tidiness(game.pk, since=clock.now - timedelta(hours=2))


def of_player(number: int, **more: object) -> Json:
    return opened(number, owner=f"player:{number}", owner_kind="player", **more)


def test_players_who_leave_are_counted_with_what_they_leave(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[of_player(1), of_player(2), of_player(3), opened(9, **of_service("Shop", clock))])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1), closed(2), closed(9)], changed=[changed(3, "orphaned")])
    look_for(game, clock, SETTLES)
    assert shares(game, clock) == {
        "players": {"left": 3, "clean": 2, "share": round(2 / 3, 6)},
        "services": {"left": 1, "clean": 1, "share": 1.0},
    }
    assert not Departure.objects.exists()


def test_who_holds_nothing_for_a_moment_has_not_left(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, **of_service("Round", clock))])
    look_for(game, clock, 1)
    for number in range(1, 5):
        tell(server, closed=[closed(number)])
        look_for(game, clock, SETTLES - 3)
        tell(server, opened=[opened(number + 1, **of_service("Round", clock))])
        look_for(game, clock, 1)
    assert not Tidiness.objects.exists()
    tell(server, closed=[closed(5)])
    look_for(game, clock, SETTLES)
    assert shares(game, clock)["services"]["left"] == 1


def test_what_is_cleaned_after_the_grace_was_left_behind_all_the_same(
    server: Machine, game: Game, clock: Clock
) -> None:
    begin(server, events=[of_player(1)])
    look_for(game, clock, 1)
    tell(server, changed=[changed(1, "orphaned")])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    look_for(game, clock, SETTLES)
    assert shares(game, clock)["players"] == {"left": 1, "clean": 0, "share": 0.0}


def test_what_is_orphaned_later_was_left_behind_too(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[of_player(1)])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    look_for(game, clock, 1)
    tell(server, opened=[opened(2, owner="player:1", state="orphaned")])
    look_for(game, clock, 1)
    tell(server, closed=[closed(2)])
    look_for(game, clock, SETTLES)
    assert shares(game, clock)["players"] == {"left": 1, "clean": 0, "share": 0.0}


def test_what_stays_registered_past_the_grace_was_left_behind(server: Machine, game: Game, clock: Clock) -> None:
    """Where the threshold is as short as the grace, an agent calls it stale at once."""
    begin(server, events=[of_player(1)])
    look_for(game, clock, 1)
    tell(server, changed=[changed(1, "stale")])
    look_for(game, clock, SETTLES)
    tell(server, closed=[closed(1)])
    look_for(game, clock, SETTLES)
    assert shares(game, clock)["players"] == {"left": 1, "clean": 0, "share": 0.0}


def test_things_of_the_world_are_no_services(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, owner="Door", owner_kind="system")])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    look_for(game, clock, SETTLES)
    assert not Tidiness.objects.exists()


def test_who_left_while_nobody_was_heard_is_not_counted_until_then(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[of_player(1), of_player(2)])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    look_for(game, clock, 1)
    clock.pass_(4 * 60)
    look_for(game, clock, SETTLES)
    assert not Tidiness.objects.exists()


def test_a_server_that_ends_takes_its_roll_along(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[of_player(1), of_player(2)])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    look_for(game, clock, 1)
    GameServer.objects.update(ended_at=clock.now)
    look_for(game, clock, SETTLES)
    assert (Roll.objects.count(), Departure.objects.count(), Tidiness.objects.count()) == (0, 0, 0)


def test_another_game_counts_its_own(server: Machine, game: Game, other_game: Game, clock: Clock) -> None:
    begin(server, events=[of_player(1)])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1)])
    look_for(game, clock, 1)
    look_for(other_game, clock, SETTLES)
    assert Departure.objects.count() == 1
    assert shares(other_game, clock)["players"]["left"] == 0
