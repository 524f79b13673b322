"""Live pages where sockets are blocked: the state over HTTP."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from connmon.accounts.models import Game, Membership, User
from tests.dashboard.factories import put_server
from tests.dashboard.pages import fill

pytestmark = pytest.mark.usefixtures("fresh_limits")  # a cache of its own


@pytest.fixture
def moment() -> datetime:
    return timezone.now()


def address(game: Game, page: str = "overview") -> str:
    return f"{reverse('live-state', kwargs={'slug': game.slug})}?page={page}"


def test_it_is_what_the_socket_sends_first(game: Game, as_owner: Client, moment: datetime) -> None:
    put_server(game, now=moment)
    message = as_owner.get(address(game)).json()
    assert (message["kind"], message["whole"]) == ("state", True)
    assert message["data"]["totals"]["reporting"] == 1
    assert abs(message["at"] - moment.timestamp() * 1000) < 60_000


@pytest.mark.parametrize("page", ["servers", "pools", "cleanup", "alerts", "destinations", "configuration", "setup"])
def test_every_live_page_has_it(page: str, game: Game, as_owner: Client) -> None:
    fill(game)
    assert as_owner.get(address(game, page)).json()["data"]


def test_what_has_not_changed_costs_no_bytes_and_what_has_does(game: Game, as_owner: Client, moment: datetime) -> None:
    etag = as_owner.get(address(game, "servers"))["ETag"]
    cache.clear()
    same = as_owner.get(address(game, "servers"), headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    put_server(game, now=moment)
    cache.clear()
    other = as_owner.get(address(game, "servers"), headers={"If-None-Match": etag})
    assert (other.status_code, len(other.json()["data"]["servers"])) == (200, 1)


def test_many_browsers_cost_one_look_at_the_database(
    game: Game, as_owner: Client, log_in: Callable[[User], Client], owner: User, moment: datetime
) -> None:
    put_server(game, now=moment)
    as_owner.get(address(game))
    other = log_in(owner)
    with CaptureQueriesContext(connection) as captured:
        assert other.get(address(game)).status_code == 200
    assert not [query for query in captured if "registry_" in query["sql"]]


def test_pages_and_games_are_kept_apart(
    game: Game, other_game: Game, owner: User, as_owner: Client, moment: datetime
) -> None:
    Membership.objects.create(game=other_game, user=owner, role="viewer", created_at=moment)
    put_server(other_game, now=moment)
    assert as_owner.get(address(other_game, "servers")).json()["data"]["counts"]["reporting"] == 1
    assert as_owner.get(address(game, "servers")).json()["data"]["counts"]["reporting"] == 0
    assert "counts" not in as_owner.get(address(game, "overview")).json()["data"]


@pytest.mark.parametrize("page", ["", "nonsense", "service:1e9", "service:999999", "plan:1", "overview:1"])
def test_there_is_no_other_page(page: str, game: Game, as_owner: Client) -> None:
    assert as_owner.get(address(game, page)).status_code == 404


def test_it_is_for_members(game: Game, stranger: User, log_in: Callable[[User], Client], client: Client) -> None:
    assert log_in(stranger).get(address(game)).status_code == 404
    assert client.get(address(game)).status_code == 302


def test_without_the_cache_it_is_looked_up_each_time(
    game: Game, as_owner: Client, moment: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nobody:
        def get(self, key: str) -> None:
            raise RedisConnectionError("nobody there")

    monkeypatch.setattr("dashboard.kept.cache", Nobody())
    assert as_owner.get(address(game, "servers")).json()["data"]["servers"] == []
    put_server(game, now=moment)
    assert len(as_owner.get(address(game, "servers")).json()["data"]["servers"]) == 1
