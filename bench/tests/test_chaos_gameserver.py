"""The game server of the chaos proof keeps to the protocol, so that what it is refused is connmon's fault."""

from __future__ import annotations

import json
import random
from typing import Any

from bench.chaos.gameserver import PART, GameServer, Ledger
from connmon.registry.rules import UNKNOWN, Position, decide
from connmon.wire.codec import WireError, body_digest, decode_report


class Registry:
    """What connmon keeps of one boot: its position by the very rules, its connections by the protocol's words."""

    def __init__(self) -> None:
        self.position: Position = UNKNOWN
        self.rows: dict[int, dict[str, Any]] = {}

    def take(self, body: bytes, orders: list[Any] | None = None) -> dict[str, Any]:
        try:
            step = decide(self.position, decode_report(body), body_digest(body))
        except WireError as error:
            return {"kind": "problem", "code": error.code}
        report = json.loads(body)
        if not step.repeat:
            self.position = step.position
            for one in report["closed"]:
                self.rows.pop(one["id"], None)
            self.rows |= {one["id"]: one | {"snapshot": step.position.snapshot} for one in report["opened"]}
            for one in report["changed"]:
                if one["id"] in self.rows:
                    self.rows[one["id"]]["state"] = one["state"]
            if step.drop_others:
                number = step.position.snapshot
                self.rows = {key: row for key, row in self.rows.items() if row["snapshot"] == number}
        return {"kind": "ack", "ack": report["seq"], "resync": step.resync, "orders": orders or [], "interval": 2.0}

    def states(self) -> dict[int, str]:
        return {number: row["state"] for number, row in self.rows.items()}


def make_server(*, size: int = 15) -> GameServer:
    return GameServer("s", Ledger(), random.Random(1), size=size)


def talk(server: GameServer, registry: Registry, times: int) -> None:
    for _ in range(times):
        server.live_on(1_000.0)
        server.take(registry.take(server.report(1_000.0)))


def states_of(server: GameServer) -> dict[int, str]:
    return {number: one.state for number, one in server.connections.items()}


def test_a_long_talk_ends_with_the_same_registry_on_both_sides() -> None:
    server, registry = make_server(), Registry()
    talk(server, registry, 200)
    server.take(registry.take(server.report(1_000.0)))
    assert states_of(server) == registry.states()
    assert not server.ledger.strange


def test_a_snapshot_of_several_parts_holds_what_changed_between_them() -> None:
    server, registry = make_server(size=3 * PART), Registry()
    talk(server, registry, 1)
    assert len(server.parts) == 2
    talk(server, registry, 30)
    assert registry.position.synced
    assert states_of(server) == registry.states()


def test_an_unanswered_report_is_repeated_to_the_byte() -> None:
    server = make_server()
    server.live_on(1_000.0)
    first = server.report(1_000.0)
    server.live_on(1_001.0)
    assert server.report(1_001.0) == first


def test_reports_in_the_wrong_order_are_mended_by_a_snapshot() -> None:
    server, registry = make_server(), Registry()
    talk(server, registry, 20)
    server.live_on(1_000.0)
    assert server.may_skip
    early, late = server.skip(1_000.0)
    answer = registry.take(late)
    assert answer["resync"]
    server.take(answer)
    assert registry.take(early)["code"] == "seq-behind"
    talk(server, registry, 20)
    assert states_of(server) == registry.states()
    assert not server.ledger.strange


def test_a_resync_that_nothing_explains_is_noted() -> None:
    server, registry = make_server(), Registry()
    talk(server, registry, 20)
    registry.position = UNKNOWN  # connmon has lost everything
    talk(server, registry, 1)
    assert server.ledger.strange == {"resync without a gap": 1}


def test_an_order_is_carried_out_once_and_told_until_it_is_acknowledged() -> None:
    server, registry = make_server(), Registry()
    talk(server, registry, 10)
    one = next(one for one in server.connections.values() if not one.essential)
    order = {"id": "ord_1", "connections": [[one.id, one.at], [10_000, 1.0]]}
    assert server.execute([order])
    assert not server.execute([order])
    outcome = {"order": "ord_1", "status": "done", "closed": [one.id], "gone": [10_000], "changed": []}
    for _ in range(2):
        assert json.loads(server.report(1_000.0))["outcomes"] == [outcome]
    assert not server.ledger.told
    server.take(registry.take(server.report(1_000.0)))
    assert server.ledger.told == {"ord_1"}
    assert server.ledger.executions == {"ord_1": 1}
    assert "outcomes" not in server.untold


def test_essential_and_reused_connections_are_left_alone() -> None:
    server = make_server()
    server.live_on(1_000.0)
    one = next(iter(server.connections.values()))
    one.essential = True
    server.execute([{"id": "ord_1", "connections": [[one.id, one.at]]}])
    one.essential = False
    server.execute([{"id": "ord_2", "connections": [[one.id, one.at + 1]]}])
    assert [found.changed for found in server.ledger.outcomes.values()] == [(one.id,), (one.id,)]


def test_a_farewell_is_told_before_a_server_counts_as_settled() -> None:
    server, registry = make_server(), Registry()
    talk(server, registry, 10)
    while not server.settled:
        server.take(registry.take(server.report(1_000.0)))
    server.closing = True
    assert not server.settled
    server.take(registry.take(server.report(1_000.0)))
    assert registry.position.ended
    assert server.settled
