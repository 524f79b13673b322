"""A server's orders, on its page."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.links import Shown, make_link
from connmon.accounts.models import Game
from connmon.cleanup.models import Order
from connmon.registry.models import GameServer
from dashboard.queries import server as one_server
from dashboard.queries.server import ServerOrder, server_page
from tests.cleanup.steering import BY
from tests.dashboard.factories import SCRIPT
from tests.dashboard.plans import answer, put_busy_server, run


def orders(server: GameServer) -> list[ServerOrder]:
    return server_page(server.game_id, server.pk, now=timezone.now()).orders


def address(server: GameServer) -> str:
    return reverse("server", kwargs={"slug": server.game.slug, "server_id": server.pk})


@pytest.fixture
def server(game: Game) -> GameServer:
    return put_busy_server(game, count=3)


def test_an_order_is_on_its_way_and_then_tells_what_became_of_it(game: Game, server: GameServer) -> None:
    put_busy_server(game, "lobby-2", count=5)
    plan = run(game)
    (order,) = orders(server)
    assert (order.plan, order.state, order.ordered, order.closed) == (plan.pk, "pending", 3, 0)
    answer(plan, closed=[1], gone=[2], changed=[3], failed=4, detail="Three of them")
    (order,) = orders(server)
    assert (order.state, order.closed, order.gone, order.changed, order.failed) == ("done", 1, 1, 1, 4)
    assert order.detail == "Three of them"


def test_the_newest_come_first_and_no_more_than_fit(
    game: Game, server: GameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = Order.objects.filter(plan=run(game)).values().get()
    now: datetime = timezone.now()
    Order.objects.bulk_create(
        Order(**template | {"id": f"order-{age}", "created_at": now - timedelta(hours=age)}) for age in (9, 3, 7)
    )
    monkeypatch.setattr(one_server, "ORDERS_MAX", 3)
    assert [order.id for order in orders(server)] == [template["id"], "order-3", "order-7"]


def test_each_leads_to_what_became_of_its_connections(game: Game, server: GameServer, as_owner: Client) -> None:
    plan = run(game)
    (order,) = orders(server)
    assert order.href in as_owner.get(address(server)).content.decode()
    assert f"plan {plan.pk}" in as_owner.get(order.href).content.decode()


def test_a_server_that_nothing_was_asked_of_says_so(server: GameServer, as_owner: Client) -> None:
    html = as_owner.get(address(server)).content.decode()
    assert '<div class="hollow hollow-small" data-empty="orders">' in html
    assert 'data-filled="orders" hidden' in html


def test_what_an_agent_said_is_text(game: Game, server: GameServer, as_owner: Client) -> None:
    answer(run(game), detail=SCRIPT)
    html = as_owner.get(address(server)).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_orders_of_another_game_are_not_shown(game: Game, other_game: Game, server: GameServer) -> None:
    theirs = run(other_game) if put_busy_server(other_game, count=1) else None
    Order.objects.filter(plan=theirs).update(server_id=server.pk)
    assert orders(server) == []


def test_whoever_has_a_link_to_the_server_does_not_see_them(game: Game, server: GameServer) -> None:
    run(game)
    life = timedelta(days=1)
    token = make_link(game, Shown.SERVER, subject_id=server.pk, name="x", life=life, now=timezone.now(), by=BY)
    state = Client().get(f"/shared/{token}/live.json").json()["data"]
    assert "server" in state
    assert "orders" not in state


def test_they_are_found_by_an_index(game: Game, server: GameServer) -> None:
    run(game)
    values = {"game": game.pk, "server": server.pk, "limit": 20}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {one_server.ORDERS_OF_SERVER}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "orders_of_a_server" in plan
