"""The overview that follows single servers gives what the overview of the whole fleet gives."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.registry.models import GameServer, ServerState
from dashboard import watches
from dashboard.pages import Page
from dashboard.queries.services import Overview, overview
from dashboard.watches import COMPARED_EVERY, OverviewWatch, WholeWatch, watch
from tests.dashboard.factories import LEASE, Counters, Pool, ServerSpec, put_samples, put_server, put_service

COMBAT, PETS = "CombatService", "PetService"
SOON = timedelta(milliseconds=100)
LATER = COMPARED_EVERY + SOON


def report(server: GameServer, *, now: datetime, **values: object) -> int:
    """What a report changes of a server's state; the server's id."""
    values |= {"received_at": now, "due_at": now + LEASE}
    assert ServerState.objects.filter(server_id=server.pk).update(**values)
    return server.pk


@pytest.fixture
def fleet(game: Game, other_game: Game, now: datetime) -> list[GameServer]:
    """Two servers that report and one that is silent; and one of another game."""
    both = {COMBAT: Counters(live=100, idle=5, orphaned=7, stale=1), PETS: Counters(live=30)}
    put_server(other_game, ServerSpec("foreign", both), now=now)
    return [
        put_server(game, ServerSpec("one", both, [Pool()], memory_mb=0.1), now=now),
        put_server(game, ServerSpec("two", both, [Pool(hits=7), Pool("Died")], memory_mb=0.2, synced=False), now=now),
        put_server(game, ServerSpec("mute", both, age=timedelta(minutes=2)), now=now),
    ]


@pytest.fixture
def watched(fleet: list[GameServer], game: Game, now: datetime) -> OverviewWatch:
    """A watch that has looked once."""
    watched = OverviewWatch(game.pk)
    watched.look(None, now=now)
    return watched


def same(found: Overview, wanted: Overview) -> bool:
    """Whether they are equal, but for the last digits of a sum of floats."""
    assert found.totals.memory_mb == pytest.approx(wanted.totals.memory_mb)
    plain = [(one.verdict, one.alerts, one.services) for one in (found, wanted)]
    totals = [{name: getattr(one.totals, name) for name in one.totals.__struct_fields__} for one in (found, wanted)]
    for each in totals:
        each.pop("memory_mb")
    return plain[0] == plain[1] and totals[0] == totals[1]


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_the_first_look_is_the_whole_overview(
    at_once: int, game: Game, fleet: list[GameServer], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "AT_ONCE", at_once)
    assert same(OverviewWatch(game.pk).look(None, now=now), overview(game.pk, now=now))


def test_a_changed_server_is_counted_as_it_is_now(
    game: Game, fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    later = now + SOON
    id = report(fleet[0], now=later, live=[1, 2], idle=[3, 4], orphaned=[0, 9], stale=[5, 0], players=3, pool_hits=[99])
    found = watched.look({id}, now=later)
    assert same(found, overview(game.pk, now=later))
    assert found.totals.live == 133


def test_a_server_that_is_not_named_stays_as_it_was_until_versions_are_compared(
    fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    report(fleet[0], now=now, live=[1, 1])
    lives = [watched.look(set(), now=now + after).totals.live for after in (SOON, LATER)]
    assert lives == [260, 132]


def test_a_service_that_came_and_one_that_went(
    game: Game, fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    later = now + SOON
    new = put_service(game, "NewService").pk
    for server in fleet:
        report(server, now=later, service_ids=[new], live=[4], idle=[0], orphaned=[1], stale=[0])
    found = watched.look({server.pk for server in fleet}, now=later)
    assert [(row.name, row.live) for row in found.services] == [("NewService", 12)]
    assert same(found, overview(game.pk, now=later))


def test_a_server_falls_silent_by_itself_and_comes_back(
    game: Game, fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    moments = [now + SOON, now + LEASE - timedelta(seconds=2), now + LEASE]
    found = [watched.look(set(), now=at) for at in moments]
    assert [one.totals.silent for one in found] == [1, 3, 3]
    assert all(same(one, overview(game.pk, now=at)) for one, at in zip(found, moments, strict=True))
    back = moments[-1] + SOON
    report(fleet[2], now=back)
    assert same(watched.look({fleet[2].pk}, now=back), overview(game.pk, now=back))


def test_a_server_that_joins_ends_its_earlier_boot_at_once(
    game: Game, fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    later = now + SOON
    GameServer.objects.filter(pk=fleet[0].pk).update(ended_at=later)
    new = put_server(game, ServerSpec("one", {PETS: Counters(live=8)}, boot="boot-2"), now=later)
    found = watched.look({new.pk}, now=later)
    assert found.totals.reporting == 2
    assert same(found, overview(game.pk, now=later))


def test_a_server_that_ended_is_dropped(
    game: Game, fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    later = now + SOON
    GameServer.objects.filter(pk=fleet[1].pk).update(ended_at=later)
    assert same(watched.look({fleet[1].pk}, now=later), overview(game.pk, now=later))


def test_a_server_of_another_game_is_not_counted(other_game: Game, watched: OverviewWatch, now: datetime) -> None:
    foreign = GameServer.objects.get(game=other_game).pk
    assert watched.look({foreign}, now=now + SOON).totals.reporting == 2


def test_rates_and_alerts_are_renewed_though_nobody_reports(game: Game, watched: OverviewWatch, now: datetime) -> None:
    service = put_service(game, COMBAT)
    put_samples(game, {service: [Counters(opened=100 + 30 * n, closed=10 * n) for n in range(7)]}, now=now)
    rates = [watched.look(set(), now=now + after).totals.opened_rate for after in (SOON, LATER)]
    assert rates == [None, pytest.approx(3.0)]


def test_a_game_without_servers_has_an_overview(game: Game, now: datetime) -> None:
    assert same(OverviewWatch(game.pk).look(None, now=now), overview(game.pk, now=now))


def test_a_look_at_one_changed_server_is_one_query(
    fleet: list[GameServer], watched: OverviewWatch, now: datetime
) -> None:
    with CaptureQueriesContext(connection) as queries:
        watched.look({fleet[0].pk}, now=now + SOON)
        watched.look(set(), now=now + SOON)
    assert len(queries) == 1


def test_other_pages_are_looked_at_whole(game: Game, fleet: list[GameServer]) -> None:
    page = Page("servers")
    watched = watch(page, game.pk)
    assert isinstance(watched, WholeWatch)
    assert watched.look({1}, now=timezone.now()) == page.state(game.pk, now=timezone.now())


def test_the_overview_is_followed(game: Game) -> None:
    assert isinstance(watch(Page("overview"), game.pk), OverviewWatch)
