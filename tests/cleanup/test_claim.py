"""Which orders a server is handed, whatever way PostgreSQL takes to find them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.cleanup import statements as sql
from connmon.cleanup.desk import AGAIN_AFTER, AT_ONCE
from connmon.cleanup.models import Order
from connmon.cleanup.steps import ORDER_LIFE
from tests.cleanup.steering import MakeServer, connections, orders_of, run
from tests.machine import Machine

ORDERS = 10


@pytest.fixture(autouse=True)
def one_connection_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """`busy` has ten orders then."""
    monkeypatch.setattr("connmon.cleanup.steps.CHUNK", 1)


def claim(*servers: int, after: float = 0.0) -> list[str]:
    """The ids of what `servers` are handed in so many seconds."""
    values: dict[str, Any] = {
        "now": timezone.now() + timedelta(seconds=after),
        "servers": list(servers),
        "again_after": AGAIN_AFTER,
        "most": AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM, values)
        return [row[1] for row in cursor.fetchall()]


def recall(*servers: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.RECALL, {"now": timezone.now(), "servers": list(servers)})


def test_a_server_is_handed_a_few_orders_at_once_also_when_the_table_was_thought_to_be_empty(
    busy: Machine, game: Game
) -> None:
    first, *others = orders_of(run(game))
    Order.objects.exclude(pk=first.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE cleanup_order")  # PostgreSQL then joins tables as if they had one row
    Order.objects.bulk_create(others)
    assert len(claim(busy.id)) == AT_ONCE


def test_what_was_handed_out_least_goes_first_until_all_went(busy: Machine, game: Game) -> None:
    orders = {order.id for order in orders_of(run(game))}
    handed = [claim(busy.id) for _ in range(4)]
    assert [len(ids) for ids in handed] == [4, 4, 2, 0]
    assert {one for ids in handed for one in ids} == orders


def test_what_has_no_outcome_goes_out_again_until_it_expires(busy: Machine, game: Game) -> None:
    run(game)
    while claim(busy.id):
        pass
    assert not claim(busy.id, after=AGAIN_AFTER - 5)
    assert claim(busy.id, after=AGAIN_AFTER + 1)
    assert not claim(busy.id, after=ORDER_LIFE + 1)


def test_what_was_lost_on_its_way_is_due_again_all_of_it(busy: Machine, game: Game) -> None:
    run(game)
    before = [claim(busy.id) for _ in range(4)]
    recall(busy.id)
    after = [claim(busy.id) for _ in range(4)]
    assert [sorted(ids) for ids in before] == [sorted(ids) for ids in after]


def test_a_recall_touches_no_other_server(busy: Machine, make_server: MakeServer, game: Game) -> None:
    other = make_server("server-2")
    other.send_first(opened=connections(3))
    run(game)
    assert len(claim(other.id)) == 3
    recall(busy.id)
    assert not claim(other.id)
