"""The list of servers, one server, one service."""

from datetime import datetime, timedelta

import pytest

from connmon.accounts.models import Game
from connmon.core.errors import NotFound
from dashboard.queries import servers
from dashboard.queries.server import server_page
from dashboard.queries.servers import ServersQuery, ServerStatus, server_counts, server_rows, servers_live
from dashboard.queries.service import service_page
from tests.dashboard.factories import Counters, Pool, ServerSpec, put_server, put_service


@pytest.fixture
def fleet(game: Game, now: datetime) -> Game:
    put_server(game, ServerSpec("alpha", {"A": Counters(live=5)}, players=3), now=now)
    put_server(game, ServerSpec("beta", {"A": Counters(live=50)}, players=30, synced=False), now=now)
    put_server(game, ServerSpec("gamma", {"A": Counters(live=9)}, age=timedelta(minutes=9)), now=now)
    put_server(game, ServerSpec("delta", ended=True), now=now)
    return game


def names(game: Game, query: ServersQuery, now: datetime) -> list[str]:
    return [row.name for row in server_rows(game.pk, query, now=now).rows]


def test_the_list_shows_running_servers_by_name(fleet: Game, now: datetime) -> None:
    assert names(fleet, ServersQuery(), now) == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (ServerStatus.REPORTING, "alpha"),
        (ServerStatus.RESYNCING, "beta"),
        (ServerStatus.SILENT, "gamma"),
        (ServerStatus.ENDED, "delta"),
    ],
)
def test_each_status_can_be_asked_for(fleet: Game, now: datetime, status: ServerStatus, name: str) -> None:
    assert names(fleet, ServersQuery(status=status), now) == [name]


def test_a_name_is_found_by_a_part_of_it(fleet: Game, now: datetime) -> None:
    assert names(fleet, ServersQuery(search="LPH"), now) == ["alpha"]


@pytest.mark.parametrize("sort", list(servers.SORTS))
@pytest.mark.parametrize("descending", [True, False])
def test_every_order_shows_every_server(fleet: Game, now: datetime, sort: str, descending: bool) -> None:
    found = names(fleet, ServersQuery(sort=sort, descending=descending), now)
    assert sorted(found) == ["alpha", "beta", "gamma"]


def test_the_fullest_server_comes_first_when_asked(fleet: Game, now: datetime) -> None:
    assert names(fleet, ServersQuery(sort="live", descending=True), now)[0] == "beta"


@pytest.mark.parametrize("sort", list(servers.SORTS))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_follow_one_another_in_any_order_and_back(
    fleet: Game, now: datetime, sort: str, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_server(fleet, ServerSpec("no memory", memory_mb=None, place_version=None), now=now)
    whole = names(fleet, ServersQuery(sort=sort, descending=descending), now)
    monkeypatch.setattr(servers, "PER_PAGE", 1)
    shown, after, before = [], "", ""
    for _ in whole:
        page = server_rows(fleet.pk, ServersQuery(sort=sort, descending=descending, after=after), now=now)
        shown += [row.name for row in page.rows]
        after, before = page.next, page.previous
    assert (shown, after) == (whole, "")
    for name in reversed(whole[:-1]):
        page = server_rows(fleet.pk, ServersQuery(sort=sort, descending=descending, before=before), now=now)
        assert [row.name for row in page.rows] == [name]
        before = page.previous
    assert before == ""


@pytest.mark.parametrize("descending", [True, False])
def test_what_is_not_known_comes_last_either_way(fleet: Game, now: datetime, descending: bool) -> None:
    put_server(fleet, ServerSpec("aaa", memory_mb=None), now=now)
    assert names(fleet, ServersQuery(sort="memory", descending=descending), now)[-1] == "aaa"


def test_servers_that_come_and_go_neither_repeat_nor_hide_others(
    fleet: Game, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "PER_PAGE", 2)
    first = server_rows(fleet.pk, ServersQuery(), now=now)
    put_server(fleet, ServerSpec("aaa"), now=now)
    fleet.servers.filter(name="alpha").update(ended_at=now)
    second = server_rows(fleet.pk, ServersQuery(after=first.next), now=now)
    assert [row.name for row in (*first.rows, *second.rows)] == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize("cursor", ["x", "e30", "WyJhIl0", "W10", "ü", "A" * 5_000, "WyJhIiwgIngiLCAieCJd", "bnVsbA"])
def test_a_cursor_that_was_not_written_here_shows_the_first_page(cursor: str, fleet: Game, now: datetime) -> None:
    for query in (ServersQuery(after=cursor), ServersQuery(before=cursor), ServersQuery(sort="live", after=cursor)):
        assert len(server_rows(fleet.pk, query, now=now).rows) == 3


def test_counts_are_by_status(fleet: Game, now: datetime) -> None:
    counts = server_counts(fleet.pk, now=now)
    assert (counts.reporting, counts.resyncing, counts.silent, counts.ended) == (1, 1, 1, 1)


def test_the_live_list_leaves_out_ended_servers_and_other_games(fleet: Game, other_game: Game, now: datetime) -> None:
    put_server(other_game, ServerSpec("foreign"), now=now)
    assert [row.name for row in servers_live(fleet.pk, now=now).servers] == ["alpha", "beta", "gamma"]


def test_one_server_has_its_services_and_pools(game: Game, now: datetime) -> None:
    server = put_server(
        game,
        ServerSpec("alpha", {"A": Counters(live=5), "B": Counters(live=7, orphaned=1)}, [Pool(hits=3, misses=1)]),
        now=now,
    )
    page = server_page(game.pk, server.pk, now=now)
    assert [(row.name, row.live) for row in page.services] == [("B", 7), ("A", 5)]
    assert [(row.id, row.reuse) for row in page.pools] == [("Heartbeat", 0.75)]
    assert page.totals.live == 12


def test_a_pool_that_was_never_used_has_no_reuse(game: Game, now: datetime) -> None:
    server = put_server(game, ServerSpec(pools=[Pool(hits=0, misses=0)]), now=now)
    assert server_page(game.pk, server.pk, now=now).pools[0].reuse is None


def test_a_server_of_another_game_is_not_found(game: Game, other_game: Game, now: datetime) -> None:
    server = put_server(other_game, now=now)
    with pytest.raises(NotFound):
        server_page(game.pk, server.pk, now=now)


def test_a_services_page_sums_its_servers_and_lists_the_worst_first_and_silent_ones_last(
    fleet: Game, now: datetime
) -> None:
    put_server(fleet, ServerSpec("omega", {"A": Counters(live=1, orphaned=1)}), now=now)
    page = service_page(fleet.pk, put_service(fleet, "A").pk, now=now)
    assert [row.name for row in page.servers] == ["omega", "beta", "alpha", "gamma"]
    assert (page.service.servers, page.service.live, page.service.unknown) == (3, 56, 9)


def test_a_service_of_another_game_is_not_found(game: Game, other_game: Game, now: datetime) -> None:
    with pytest.raises(NotFound):
        service_page(game.pk, put_service(other_game, "A").pk, now=now)
