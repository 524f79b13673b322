"""Orders over a socket: at once, once, to the right agent."""

import json
import time

from websockets.sync.client import ClientConnection

from connmon.accounts.models import Game
from connmon.cleanup.queries import plan_progress
from tests.cleanup.steering import MakeServer, advance, connections, fetch, orders_of, outcome, run
from tests.machine import PATIENCE, Json, Machine

SNAPSHOT = {"part": 1, "of": 1}


def ask(agent: ClientConnection, report: Json) -> Json:
    agent.send(json.dumps(report))
    return receive(agent, "ack")


def receive(agent: ClientConnection, kind: str) -> Json:
    message: Json = json.loads(agent.recv(timeout=PATIENCE))
    assert message["kind"] == kind, message
    return message


def test_orders_reach_a_socket_without_a_report(server: Machine, game: Game) -> None:
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=connections(3)))
        began = time.monotonic()
        made = run(game)
        (order,) = receive(agent, "orders")["orders"]
        assert time.monotonic() - began < 1.0
        assert order["connections"] == [[one["id"], one["at"]] for one in connections(3)]
        ask(agent, server.report(outcomes=[outcome(order)]))
        advance(2)
    assert plan_progress(made)["closed"] == 3


def test_many_orders_of_one_server_all_come(server: Machine, game: Game) -> None:
    lots = connections(4_500)
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=lots[:1_000]))
        for start in range(1_000, 4_500, 1_000):
            ask(agent, server.report(opened=lots[start : start + 1_000]))
        run(game)
        orders = receive(agent, "orders")["orders"] + receive(agent, "orders")["orders"]
    assert sum(len(order["connections"]) for order in orders) == 4_500


def test_a_server_that_starts_anew_on_its_socket_gets_its_orders_there(make_server: MakeServer, game: Game) -> None:
    before, after = make_server(), make_server(boot="boot-2")
    with before.site.connect(key=before.key) as agent:
        ask(agent, before.report(snapshot=SNAPSHOT, opened=connections(2)))
        ask(agent, after.report(snapshot=SNAPSHOT, opened=connections(3)))
        made = run(game)
        orders = receive(agent, "orders")["orders"]
    assert [order["id"] for order in orders] == [order.id for order in orders_of(made)]


def test_other_sockets_hear_nothing(make_server: MakeServer, server: Machine, game: Game, other_game: Game) -> None:
    other = make_server("server-2")
    with server.site.connect(key=server.key) as agent, server.site.connect(key=other.key) as bystander:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=connections(3)))
        ask(bystander, other.report(snapshot=SNAPSHOT))
        run(game)
        receive(agent, "orders")
        assert ask(bystander, other.report())["orders"] == []


def test_a_socket_that_was_lost_gets_its_orders_again_when_it_returns(server: Machine, game: Game) -> None:
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=connections(3)))
        made = run(game)
        receive(agent, "orders")
    with server.site.connect(key=server.key) as agent:
        assert ask(agent, server.report())["orders"] == []
        orders = receive(agent, "orders")["orders"]
    assert [order["id"] for order in orders] == [order.id for order in orders_of(made)]


def test_an_agent_that_changes_to_http_gets_its_orders_there(server: Machine, game: Game) -> None:
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=connections(3)))
    run(game)
    assert fetch(server)
