"""After the faults: what the database holds against what the servers know and were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

import psycopg

from bench.chaos.gameserver import KINDS, STATES, Executed, GameServer, Key, Ledger
from connmon.core.ids import server_key

SHOWN: Final = 20  # findings told in words

REGISTRY: Final[LiteralString] = """
    SELECT c.server_id, v.name, c.connection_id, c.opened_at, c.state, c.owner_kind, c.essential, c.owner, c.name,
           c.type, c.site
    FROM registry_connection c JOIN registry_service v ON v.id = c.service_id
"""
COUNTERS: Final[LiteralString] = """
    SELECT s.server_id, v.name, k.opened, k.closed, k.live
    FROM registry_serverstate s,
         unnest(s.service_ids, s.opened, s.closed, s.live) AS k(service_id, opened, closed, live)
    JOIN registry_service v ON v.id = k.service_id
"""
RUNNING: Final[LiteralString] = "SELECT id, ended_at IS NULL FROM registry_gameserver WHERE game_id = %s"
POSITIONS: Final[LiteralString] = "SELECT server_id, last_seq, last_digest FROM registry_serverstate"
ORDERS: Final[LiteralString] = "SELECT id, server_id, state, closed, gone, changed FROM cleanup_order"
TOLD: Final[LiteralString] = "SELECT DISTINCT order_id FROM registry_orderoutcome"
ALARMS: Final[LiteralString] = "SELECT kind, summary FROM alerts_alert WHERE fired_at IS NOT NULL"
LEFTOVERS: Final[LiteralString] = """
    SELECT (SELECT count(*) FROM registry_gameserver WHERE holds_leftovers)
         + (SELECT count(*) FROM cleanup_plan WHERE state IN ('held', 'running'))
         + (SELECT count(*) FROM registry_orderoutcome WHERE settled_at IS NULL)
         + (SELECT count(*) FROM cleanup_order o JOIN registry_gameserver g ON g.id = o.server_id
            WHERE o.state IN ('waiting', 'pending', 'sent') AND g.ended_at IS NULL)
"""

Connections = dict[tuple[str, int], tuple[Any, ...]]


@dataclass
class Findings:
    """Counts by kind, and the first of them in words."""

    lost: int = 0
    mismatches: int = 0
    executed_twice: int = 0
    words: list[str] = field(default_factory=list)

    def tell(self, words: str) -> None:
        """Keeps the first SHOWN."""
        if len(self.words) < SHOWN:
            self.words.append(words)


def connections_of(server: GameServer) -> Connections:
    """What the registry should hold of a server."""
    return {
        (one.service, one.id): (
            one.at,
            STATES.index(one.state),
            KINDS.index(one.owner_kind),
            one.essential,
            one.owner,
            one.name,
            one.type,
            one.site,
        )
        for one in server.connections.values()
    }


def compare_registries(
    servers: Iterable[GameServer], held: dict[int, Connections], game_id: int, found: Findings
) -> None:
    """Each running server's connections, and that nothing else is held."""
    expected = {server_key(game_id, *server.key): server for server in servers}
    for number, server in expected.items():
        own, theirs = connections_of(server), held.get(number, {})
        if own != theirs:
            found.mismatches += 1
            missing, more = own.keys() - theirs.keys(), theirs.keys() - own.keys()
            other = [key for key in own.keys() & theirs.keys() if own[key] != theirs[key]]
            found.tell(f"{server.name} {server.boot}: missing {list(missing)[:3]}, more {list(more)[:3]}, {other[:3]}")
    for number in held.keys() - expected.keys():
        found.mismatches += 1
        found.tell(f"server {number} has ended, and {len(held[number])} of its connections are still there")


def compare_counters(
    servers: Iterable[GameServer], held: dict[int, dict[str, tuple[int, int, int]]], game_id: int, found: Findings
) -> None:
    """Opened, closed and live of each service."""
    for server in servers:
        live = [one.service for one in server.connections.values()]
        own = {service: (opened, closed, live.count(service)) for service, (opened, closed) in server.counters.items()}
        theirs = held.get(server_key(game_id, *server.key), {})
        if own != theirs:
            found.mismatches += 1
            found.tell(f"{server.name}: counters {theirs}, should be {own}")


def compare_positions(
    ledger: Ledger, current: set[Key], held: dict[int, tuple[int, int]], game_id: int, found: Findings
) -> None:
    """The last acknowledged report of every boot; of a running one it must be the very last that was taken."""
    for key, (seq, digest) in ledger.last.items():
        last_seq, last_digest = held.get(server_key(game_id, *key), (0, 0))
        same = (last_seq, last_digest) == (seq, digest) if key in current else last_seq >= seq
        if not same:
            found.lost += 1
            found.tell(f"{key}: report {seq} was acknowledged, {last_seq} is the last one held")


def compare_orders(
    ledger: Ledger,
    orders: dict[str, tuple[int, str, list[int], list[int], list[int]]],
    told: set[str],
    game_id: int,
    found: Findings,
) -> None:
    """Every order was carried out once at most, and what it came to is known as it was told."""
    for order, times in ledger.executions.items():
        if times > 1:
            found.executed_twice += 1
            found.tell(f"{order} was carried out {times} times")
    for order in ledger.told - told:
        found.lost += 1
        found.tell(f"the outcome of {order} was acknowledged and is not there")
    for order, (server, state, closed, gone, changed) in orders.items():
        outcome = ledger.outcomes.get(order)
        if order in ledger.told or state == "done":
            held = Executed(("", ""), tuple(closed), tuple(gone), tuple(changed))
            if outcome is None or not _same(outcome, held) or server_key(game_id, *outcome.server) != server:
                found.lost += 1
                found.tell(f"{order} is {state} with {held}, on the server it came to {outcome}")
    for order in ledger.outcomes.keys() - orders.keys():
        found.lost += 1
        found.tell(f"{order} was carried out and is not known any more")
    closings = [(outcome.server, number) for outcome in ledger.outcomes.values() for number in outcome.closed]
    if len(set(closings)) < len(closings):
        found.executed_twice += len(closings) - len(set(closings))
        found.tell("connections were closed by two orders")


def _same(one: Executed, other: Executed) -> bool:
    lists = ((one.closed, other.closed), (one.gone, other.gone), (one.changed, other.changed))
    return all(sorted(own) == sorted(theirs) for own, theirs in lists)


def judge(database_url: str, servers: list[GameServer], ledger: Ledger, game_id: int) -> Findings:
    """Reads the database and compares everything."""
    found = Findings()
    held: dict[int, Connections] = defaultdict(dict)
    counters: dict[int, dict[str, tuple[int, int, int]]] = defaultdict(dict)
    with psycopg.connect(database_url) as connection:
        running: dict[int, bool] = dict(connection.execute(RUNNING, [game_id]).fetchall())
        for number, service, connection_id, *values in connection.execute(REGISTRY):
            held[number][service, connection_id] = tuple(values)
        for number, service, *counts in connection.execute(COUNTERS):
            counters[number][service] = (counts[0], counts[1], counts[2])
        positions = {row[0]: (row[1], row[2]) for row in connection.execute(POSITIONS)}
        orders = {row[0]: row[1:] for row in connection.execute(ORDERS)}
        told = {row[0] for row in connection.execute(TOLD)}
    held = {number: rows for number, rows in held.items() if number in running}
    compare_registries(servers, held, game_id, found)
    compare_counters(servers, counters, game_id, found)
    compare_positions(ledger, {server.key for server in servers}, positions, game_id, found)
    compare_orders(ledger, orders, told, game_id, found)
    for server in servers:
        if not running.get(server_key(game_id, *server.key)):
            found.mismatches += 1
            found.tell(f"{server.name} {server.boot} is not held as running")
    return found


def alarms(database_url: str) -> list[tuple[str, str]]:
    """Kind and summary of all that fired."""
    with psycopg.connect(database_url) as connection:
        return [(row[0], row[1]) for row in connection.execute(ALARMS).fetchall()]


def unfinished(database_url: str) -> int:
    """Plans, orders, outcomes and ended servers that connmon still works at."""
    with psycopg.connect(database_url, connect_timeout=2) as connection:
        row = connection.execute(LEFTOVERS).fetchone()
    assert row
    return int(row[0])
