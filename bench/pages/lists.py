"""How long each table takes to come, in every order and with words to look for, as a browser fetches it."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from itertools import product
from statistics import quantiles
from typing import Any, Final
from urllib.parse import urlencode

from bench.pages.stage import PATIENCE_S, Stage

Asked = dict[str, str]  # of a query string

REPEATS: Final = 3
OFTEN, ONCE, NEVER = "server", "0777", "no such thing"
SOUGHT: Final[tuple[Asked, ...]] = ({}, {"q": OFTEN}, {"q": ONCE}, {"q": NEVER})
SERVER_SORTS: Final = ("name", "status", "version", "report", "players", "memory", "live", "orphaned", "stale")
POOL_SORTS: Final = ("free", "server", "type", "size", "in_use", "hits", "misses", "reuse")
REGISTRY_SORTS: Final = ("opened", "owner", "name", "type", "server", "service", "state")
REGISTRY_ASKED: Final[tuple[Asked, ...]] = (
    {},
    {"q": "Gameplay042Service"},
    {"q": "player:10000007"},
    {"q": NEVER},
    {"state": "orphaned"},
    {"kind": "player"},
)
LEAKS_ASKED: Final[tuple[Asked, ...]] = (
    {},
    {"rung": "confirmed"},
    {"state": "fixed"},
    {"service": "Gameplay042Service"},
)
PLANS_ASKED: Final[tuple[Asked, ...]] = ({}, {"origin": "sweep"}, {"state": "done"}, {"state": "running"})
AUDIT_ASKED: Final[tuple[Asked, ...]] = (
    {},
    {"q": "plan 77"},
    {"q": "climbs"},
    {"q": NEVER},
    {"kind": "plan."},
    {"by": "user"},
)
SEARCHED: Final[tuple[Asked, ...]] = ({"q": "Gameplay04"}, {"q": "server-07"}, {"q": "10000007"}, {"q": NEVER})


@dataclass(frozen=True, slots=True)
class Table:
    """A table's address below the game's, its orders (each is asked for both ways) and what is asked beside them."""

    name: str
    path: str
    sorts: tuple[str, ...] = ("",)
    asked: tuple[Asked, ...] = SOUGHT

    def queries(self) -> list[str]:
        """Every question, as a query string."""
        orders = [{"sort": way + sort} if sort else {} for sort in self.sorts for way in (("", "-") if sort else ("",))]
        return [urlencode(order | asked) for order, asked in product(orders, self.asked)]


def tables(stage: Stage) -> list[Table]:
    """Every table that the server searches, sorts and pages; and the overview, whose table is in the page whole."""
    service, server = one_of_each(stage)
    return [
        Table("overview", "", asked=({},)),
        Table("servers", "servers/table", SERVER_SORTS),
        Table("service_registry", f"services/{service}/registry", REGISTRY_SORTS, REGISTRY_ASKED),
        Table("server_registry", f"servers/{server}/registry", REGISTRY_SORTS, REGISTRY_ASKED),
        Table("pools", "pools/table", POOL_SORTS),
        Table("leaks", "leaks/table", asked=LEAKS_ASKED),
        Table("plans", "cleanup/table", asked=PLANS_ASKED),
        Table("audit", "audit/table", asked=AUDIT_ASKED),
    ]


def one_of_each(stage: Stage) -> tuple[int, int]:
    """The ids of a service and of a server in the middle."""
    service = stage.query("SELECT id FROM registry_service WHERE name = 'Gameplay042Service'")[0][0]
    server = stage.query("SELECT id FROM registry_gameserver WHERE name = 'server-0500'")[0][0]
    return service, server


def measure(stage: Stage) -> dict[str, dict[str, Any]]:
    """By table: milliseconds at the 95th percentile over all questions, and the slowest question."""
    connection = http.client.HTTPConnection(*stage.address, timeout=PATIENCE_S)
    found = {table.name: measure_table(stage, table, connection) for table in tables(stage)}
    connection.close()
    return found


def measure_search(stage: Stage) -> float:
    """The 95th percentile of the search over everything; looking for owners is given up after 400 ms."""
    connection = http.client.HTTPConnection(*stage.address, timeout=PATIENCE_S)
    found = measure_table(stage, Table("search", "search.json", asked=SEARCHED), connection)
    connection.close()
    return float(found["p95_ms"])


def measure_table(stage: Stage, table: Table, connection: http.client.HTTPConnection) -> dict[str, Any]:
    """Each question REPEATS times, after once for nothing."""
    times = {}
    for query in table.queries():
        path = stage.path(table.path) + (f"?{query}" if query else "")
        fetch(connection, path, stage.cookie)
        times[query] = sorted(fetch(connection, path, stage.cookie) for _ in range(REPEATS))
    every = sorted(value for values in times.values() for value in values)
    slowest = max(times, key=lambda query: times[query][REPEATS // 2])
    found = {
        "p95_ms": round(quantiles(every, n=20, method="inclusive")[-1], 1),
        "p50_ms": round(every[len(every) // 2], 1),
        "slowest": slowest,
        "slowest_ms": round(times[slowest][REPEATS // 2], 1),
        "questions": len(times),
    }
    print(f"{table.name}: {found}", flush=True)
    return found


def fetch(connection: http.client.HTTPConnection, path: str, cookie: str) -> float:
    """Milliseconds until the whole answer is there."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    spent = 1e3 * (time.perf_counter() - began)
    assert answer.status == 200, (path, answer.status, body[:200])
    return spent
