"""One look after the other at what agents reported over HTTP. Time is an argument: it runs ahead of the clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.leaks import look
from connmon.leaks.models import Leak, LeakEvent, Origin, Sighting, Tick, Tidiness
from connmon.leaks.queries import tidiness
from connmon.registry.models import GameServer
from tests.machine import Json, Machine, changed, closed, opened

MakeServer = Callable[..., Machine]
LEASE = 3_600.0  # an interval so long that no server falls silent while time runs ahead


class Clock:
    """Time as tests want it, from now on."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def pass_(self, minutes: float) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begin(server: Machine, *, version: int = 142, players: int = 12, events: list[Json] | None = None) -> None:
    """The server's first report; its agent's clock is right."""
    about = {"id": server.name, "boot": server.boot, "place_version": version}
    now = timezone.now().timestamp()
    server.send_first(sent_at=now, interval=LEASE, server=about, players=players, opened=events or [])


def tell(server: Machine, **changes: Any) -> None:
    answer = server.send(sent_at=timezone.now().timestamp(), interval=LEASE, players=12, **changes)
    assert answer.status == 200, answer


def look_for(game: Game, clock: Clock, minutes: int) -> None:
    """A look each minute."""
    for _ in range(minutes):
        assert look.look_at(game.pk, now=clock.pass_(1)) is not None


def test_connections_whose_owner_has_gone_are_confirmed(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(number, at=clock.now.timestamp()) for number in (1, 2, 3)])
    look_for(game, clock, 1)
    tell(server, changed=[changed(1, "orphaned"), changed(2, "orphaned")])
    look_for(game, clock, 2)
    assert not Leak.objects.exists()
    look_for(game, clock, 1)
    leak = Leak.objects.get()
    assert (leak.rung, leak.cause, leak.count, leak.versions) == ("confirmed", "orphaned", 2, [142])
    assert (leak.state, leak.origin.site) == ("new", "ServerScriptService.CombatService:118")
    assert leak.summary.startswith("2 connections stayed connected after the owner had gone (player:261)")
    assert leak.evidence["players"] == 12
    assert [event.rung for event in LeakEvent.objects.all()] == ["confirmed"]


def test_orphans_that_come_and_go_are_not(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(number) for number in range(1, 9)])
    for number in range(1, 9):
        tell(server, changed=[changed(number, "orphaned")])
        look_for(game, clock, 1)
        tell(server, closed=[closed(number)])
    look_for(game, clock, 3)
    assert (Leak.objects.count(), Sighting.objects.count()) == (0, 0)


def of_service(name: str, clock: Clock) -> Json:
    """What an opened connection of a service says, made now."""
    return {"at": clock.now.timestamp(), "owner": f"service:{name}", "owner_kind": "service"}


def leak_by_timer(server: Machine, game: Game, clock: Clock, minutes: int) -> None:
    """Each minute two connections that never close, and a look."""
    for number in range(1_000, 1_000 + 2 * minutes, 2):
        about = of_service("Combat", clock) | {"site": "Combat:7"}
        tell(server, opened=[opened(number, **about), opened(number + 1, **about)])
        look_for(game, clock, 1)


def test_growth_without_an_owner_is_likely_at_its_site(server: Machine, game: Game, clock: Clock) -> None:
    steady = [opened(n, site="Shop:1", **of_service("Shop", clock)) for n in range(1, 40)]
    begin(server, events=steady)
    leak_by_timer(server, game, clock, 70)
    leak = Leak.objects.select_related("origin").get()
    assert (leak.rung, leak.cause, leak.origin.site) == ("likely", "growing", "Combat:7")
    assert leak.evidence["line"]["per_hour"] == pytest.approx(120, rel=0.1)
    assert leak.evidence["players"] == 12
    assert "owner unknown" in leak.summary


def test_nothing_is_said_of_a_silent_server(server: Machine, game: Game, clock: Clock) -> None:
    begin(server)
    tell(server, opened=[opened(1, state="orphaned")])
    look_for(game, clock, 1)
    clock.pass_(4 * 60)  # past its lease
    look_for(game, clock, 5)
    assert Leak.objects.count() == 0
    assert Tick.objects.count() == 1
    assert Sighting.objects.count() == 1  # unknown is not gone


def test_a_registry_that_is_being_sent_anew_is_not_looked_at(server: Machine, game: Game, clock: Clock) -> None:
    tell(server, opened=[opened(1, state="orphaned")])  # no snapshot first: a resync is due
    look_for(game, clock, 4)
    assert (Tick.objects.count(), Leak.objects.count()) == (0, 0)


def test_ticks_hold_what_each_site_had(server: Machine, game: Game, clock: Clock) -> None:
    events = [opened(1), opened(2, owner="player:7"), opened(3, site="B:2", owner="service:X", owner_kind="service")]
    begin(server, events=events)
    look_for(game, clock, 1)
    tick = Tick.objects.get()
    sites = {origin.pk: origin.site for origin in Origin.objects.all()}
    found = {
        sites[pk]: (live, owners) for pk, live, owners in zip(tick.origin_ids, tick.live, tick.owners, strict=True)
    }
    assert found == {"ServerScriptService.CombatService:118": (2, 2), "B:2": (1, 0)}
    assert (tick.players, tick.at.second) == (12, 0)


def test_a_look_twice_in_a_minute_is_one_tick(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1)])
    moment = clock.now.replace(second=10)
    for _ in range(2):
        look.look_at(game.pk, now=moment)
    assert Tick.objects.count() == 1


def test_another_game_is_not_touched(server: Machine, other_game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, state="orphaned")])
    look_for(other_game, clock, 4)
    assert (Tick.objects.count(), Sighting.objects.count(), Leak.objects.count()) == (0, 0, 0)


def test_two_workers_do_not_look_at_one_game_at_once(server: Machine, game: Game, clock: Clock) -> None:
    begin(server)
    second = connection.copy()
    try:
        with transaction.atomic(), connection.cursor() as cursor, second.cursor() as other:
            other.execute("SELECT pg_advisory_lock(%s, %s)", [look.ROOM, game.pk])
            cursor.execute("SELECT 1")
            assert look.look_at(game.pk, now=clock.now) is None
            other.execute("SELECT pg_advisory_unlock(%s, %s)", [look.ROOM, game.pk])
    finally:
        second.close()
    assert look.look_at(game.pk, now=clock.now) == 0


def test_only_games_with_a_reporting_server_are_looked_at(server: Machine, game: Game, other_game: Game) -> None:
    begin(server)
    assert look.games_to_look_at(now=timezone.now()) == [game.pk]
    assert look.games_to_look_at(now=timezone.now() + timedelta(hours=5)) == []


def test_old_ticks_are_dropped(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1)])
    look_for(game, clock, 2)
    look.drop_old_ticks(now=clock.now + timedelta(hours=6) - timedelta(seconds=60))
    assert Tick.objects.count() == 1


def test_a_later_version_without_it_has_fixed_the_leak(make_server: MakeServer, game: Game, clock: Clock) -> None:
    old, new = make_server("old"), make_server("new")
    begin(old, events=[opened(1, state="orphaned")])
    look_for(game, clock, 4)
    tell(old, closed=[closed(1)])
    begin(new, version=143, events=[opened(1)])
    look_for(game, clock, 100)
    assert Leak.objects.get().state == "new"
    look_for(game, clock, 30)
    leak = Leak.objects.get()
    assert (leak.state, leak.fixed_in) == ("fixed", 143)


def test_a_fixed_leak_that_comes_back_has_regressed(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, version=144, events=[opened(1, state="orphaned")])
    look_for(game, clock, 4)
    Leak.objects.update(state="fixed", fixed_in=143, versions=[142])
    look_for(game, clock, 1)
    leak = Leak.objects.get()
    assert (leak.state, leak.versions, leak.fixed_in) == ("regressed", [142, 144], None)
    assert [event.state for event in LeakEvent.objects.order_by("id")] == ["new", "regressed"]


def test_a_version_is_named_when_an_earlier_one_ran_without(make_server: MakeServer, game: Game, clock: Clock) -> None:
    old, new = make_server("old"), make_server("new")
    begin(old, version=141, events=[opened(1)])
    look_for(game, clock, 61)
    begin(new, version=142, events=[opened(1, state="orphaned")])
    look_for(game, clock, 4)
    assert Leak.objects.get().since_version == 142


def test_players_who_leave_are_counted_with_what_they_leave(server: Machine, game: Game, clock: Clock) -> None:
    events = [opened(n, owner=f"player:{n}") for n in (1, 2, 3)]
    begin(server, events=[*events, opened(9, owner="service:Shop", owner_kind="service")])
    look_for(game, clock, 1)
    tell(server, closed=[closed(1), closed(2), closed(9)], changed=[changed(3, "orphaned")])
    look_for(game, clock, 3)
    found = tidiness(game.pk, since=clock.now - timedelta(hours=2))
    assert found["players"] == {"left": 3, "clean": 2, "share": round(2 / 3, 6)}
    assert found["services"] == {"left": 1, "clean": 1, "share": 1.0}


def test_who_left_while_nobody_was_heard_is_not_counted_until_then(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1)])
    look_for(game, clock, 1)
    clock.pass_(4 * 60)
    look_for(game, clock, 1)
    assert Tidiness.objects.count() == 0


def test_a_game_with_sites_made_at_run_time_is_bounded(
    server: Machine, game: Game, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "ORIGINS_PER_GAME", 5)
    begin(server, events=[opened(n, site=f"Made:{n}") for n in range(1, 20)])
    look_for(game, clock, 2)
    assert Origin.objects.count() == 5
    assert len(Tick.objects.first().origin_ids) == 5  # type: ignore[union-attr]


def test_a_removed_game_takes_everything_with_it(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, state="orphaned")])
    look_for(game, clock, 4)
    GameServer.objects.all().delete()
    game.delete()
    assert (Leak.objects.count(), Origin.objects.count()) == (0, 0)
