"""One look after the other at what agents reported over HTTP."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, LiteralString

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.leaks import look, statements, tracks
from connmon.leaks.models import Leak, LeakEvent, Origin, Sighting, Tick
from tests.leaks.looks import Clock, begin, look_for, of_service, tell
from tests.machine import Machine, changed, closed, opened

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]
Patch = pytest.MonkeyPatch


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


def test_a_fact_is_counted_on_all_servers_of_the_game(
    make_server: MakeServer, make_key: MakeKey, game: Game, other_game: Game, clock: Clock, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(tracks, "SERVERS_EACH", 1)
    for name, version, ids in (("a", 142, [1]), ("b", 143, [1, 2, 3]), ("c", 143, [1, 2])):
        begin(make_server(name), version=version, events=[opened(n, state="orphaned") for n in ids])
    begin(make_server("clean"), events=[opened(1)])
    theirs = make_server("theirs", game=other_game, key=make_key(of=other_game))
    begin(theirs, events=[opened(1, state="orphaned")])
    look_for(other_game, clock, 1)
    look_for(game, clock, 3)
    leak = Leak.objects.get()
    assert (leak.count, leak.evidence["servers"], leak.evidence["server_count"]) == (6, ["b", "c", "a"], 3)
    assert (leak.evidence["players"], leak.versions) == (36, [142, 143])
    assert "6 connections stayed connected" in leak.summary
    assert "on 3 servers with 36 players" in leak.summary


def test_the_history_is_read_only_where_a_site_is_judged(
    make_server: MakeServer, game: Game, clock: Clock, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(tracks, "SERVERS_EACH", 1)
    for name, at_a, at_b in (("a", 3, 1), ("b", 1, 3)):
        sites = ["A:1"] * at_a + ["B:2"] * at_b
        begin(make_server(name), events=[opened(n, state="orphaned", site=site) for n, site in enumerate(sites, 1)])
    look_for(game, clock, 1)
    read: list[tuple[int, int]] = []
    rows_of = tracks._rows

    def spy(statement: LiteralString, **values: Any) -> Iterator[Any]:
        for row in rows_of(statement, **values):
            if statement is statements.SERIES:
                read.append(row[:2])
            yield row

    monkeypatch.setattr(tracks, "_rows", spy)
    look_for(game, clock, 1)
    assert len(read) == 2
    assert {origin for origin, _ in read} == set(Origin.objects.values_list("pk", flat=True))


def test_what_is_not_proven_yet_is_not_counted(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, state="orphaned"), opened(2)])
    look_for(game, clock, 2)
    tell(server, changed=[changed(2, "orphaned")])
    look_for(game, clock, 1)
    assert Leak.objects.get().count == 1


def test_what_the_agent_connects_for_itself_is_no_leak(server: Machine, game: Game, clock: Clock) -> None:
    own = {"service": "connmon", "owner": "system:connmon", "owner_kind": "system", "site": "connmon:0"}
    begin(server, events=[opened(1, state="orphaned", **own)])
    look_for(game, clock, 4)
    assert (Leak.objects.count(), Origin.objects.count()) == (0, 0)


def test_what_others_have_in_a_service_of_that_name_is_looked_at(server: Machine, game: Game, clock: Clock) -> None:
    begin(server, events=[opened(1, service="connmon", state="orphaned")])
    look_for(game, clock, 4)
    assert Leak.objects.count() == 1


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


def test_no_version_is_named_once_an_earlier_one_leaks_too(make_server: MakeServer, game: Game, clock: Clock) -> None:
    old, new = make_server("old"), make_server("new")
    begin(old, version=141, events=[opened(1)])
    look_for(game, clock, 61)
    begin(new, version=142, events=[opened(1, state="orphaned")])
    look_for(game, clock, 4)
    tell(old, changed=[changed(1, "orphaned")])
    look_for(game, clock, 3)
    leak = Leak.objects.get()
    assert (leak.versions, leak.since_version) == ([141, 142], None)


def test_a_game_with_sites_made_at_run_time_is_bounded(
    server: Machine, game: Game, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "ORIGINS_PER_GAME", 5)
    begin(server, events=[opened(n, site=f"Made:{n}") for n in range(1, 20)])
    look_for(game, clock, 2)
    assert Origin.objects.count() == 5
    assert len(Tick.objects.first().origin_ids) == 5  # type: ignore[union-attr]
