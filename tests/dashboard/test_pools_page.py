"""The page of pools."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import Game, User
from dashboard.queries import pools as module
from dashboard.queries.pools import PoolsQuery, pools_live, server_pools
from tests.dashboard.factories import Pool, ServerSpec, put_server


@pytest.fixture
def pools(game: Game, now: datetime) -> Game:
    """Two reporting servers, one of them with an exhausted pool, and a silent one."""
    full, free = Pool("Touched", size=10, in_use=10, hits=5, misses=5), Pool("Heartbeat", size=20, in_use=1)
    put_server(game, ServerSpec("a", pools=[free]), now=now)
    put_server(game, ServerSpec("b", pools=[free, full]), now=now)
    put_server(game, ServerSpec("silent", pools=[Pool("Heartbeat", in_use=9)], age=timedelta(minutes=5)), now=now)
    put_server(game, ServerSpec("ended", pools=[Pool("Ended")], ended=True), now=now)
    return game


def test_types_are_summed_over_reporting_servers_and_exhausted_ones_come_first(pools: Game, now: datetime) -> None:
    found = [(row.id, row.servers, row.exhausted, row.size, row.in_use) for row in pools_live(pools.pk, now=now).pools]
    assert found == [("Touched", 1, 1, 10, 10), ("Heartbeat", 2, 0, 40, 2)]


def test_reuse_is_of_all_that_was_handed_out(pools: Game, now: datetime) -> None:
    live = pools_live(pools.pk, now=now)
    assert {row.id: row.reuse for row in live.pools} == {"Touched": 0.5, "Heartbeat": 0.8}
    assert live.totals.reuse == pytest.approx(165 / 210)
    assert live.totals.exhausted == 1


def test_a_pool_without_slots_is_not_exhausted(game: Game, now: datetime) -> None:
    put_server(game, ServerSpec(pools=[Pool(size=0, in_use=0, hits=0, misses=0)]), now=now)
    row = pools_live(game.pk, now=now).pools[0]
    assert (row.exhausted, row.reuse) == (0, None)


def test_by_server_the_fullest_come_first(pools: Game, now: datetime) -> None:
    page = server_pools(pools.pk, PoolsQuery(), now=now)
    assert [(row.server, row.type, row.is_exhausted) for row in page.rows] == [
        ("b", "Touched", True),
        ("a", "Heartbeat", False),
        ("b", "Heartbeat", False),
    ]
    assert (page.next, page.previous) == ("", "")


@pytest.mark.parametrize("sort", list(module.SORTS))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_follow_one_another_in_any_order(
    pools: Game, now: datetime, sort: str, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_server(pools, ServerSpec("never used", pools=[Pool(hits=0, misses=0)]), now=now)
    whole = server_pools(pools.pk, PoolsQuery(sort=sort, descending=descending), now=now).rows
    monkeypatch.setattr(module, "PER_PAGE", 1)
    shown, after = [], ""
    for _ in whole:
        page = server_pools(pools.pk, PoolsQuery(sort=sort, descending=descending, after=after), now=now)
        shown += page.rows
        after = page.next
    assert (shown, after) == (whole, "")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (PoolsQuery(type="Touched"), ["b"]),
        (PoolsQuery(search="heart", sort="server", descending=True), ["b", "a"]),
        (PoolsQuery(search="A", type="Heartbeat"), ["a", "b"]),
        (PoolsQuery(search="%"), []),
    ],
)
def test_pools_by_server_are_searched(query: PoolsQuery, found: list[str], pools: Game, now: datetime) -> None:
    assert [row.server for row in server_pools(pools.pk, query, now=now).rows] == found


def test_the_page_shows_its_pools_and_nobody_elses(
    game: Game, other_game: Game, as_owner: Client, log_in: Callable[[User], Client], stranger: User
) -> None:
    put_server(game, ServerSpec(pools=[Pool("Mine", in_use=10)]), now=timezone.now())
    put_server(other_game, ServerSpec(pools=[Pool("Theirs")]), now=timezone.now())
    address = reverse("pools", kwargs={"slug": game.slug})
    html = as_owner.get(address).content.decode()
    assert "Mine" in html
    assert "Theirs" not in html
    assert "Exhausted" in html
    assert log_in(stranger).get(address).status_code == 404


def test_a_game_without_pools_says_how_they_come(game: Game, as_owner: Client) -> None:
    html = as_owner.get(reverse("pools", kwargs={"slug": game.slug})).content.decode()
    assert html.count("They appear when code takes connections with GetPooledConnection.") == 2
