"""Simulated servers that report through the load generator, for as long as a layout of web processes is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, LiteralString

import psycopg

from bench.ingest.site import FIRST_FILLED_ID, Database, cpu_s, web
from bench.ingest.workloads import BOOT, BUSY, Workload, script
from bench.loader import LoadResult, Script, children_cpu_s, prime, run_wrk
from bench.scale.layouts import Running
from connmon.core.ids import server_key

CONNECTIONS: Final = 64  # of the generator, over all addresses
COPY_STATE: Final[LiteralString] = """
    UPDATE registry_serverstate s SET
        last_seq = m.last_seq, service_ids = m.service_ids, live = m.live, opened = m.opened, closed = m.closed,
        idle = m.idle, orphaned = m.orphaned, stale = m.stale, pool_types = m.pool_types, pool_size = m.pool_size,
        pool_in_use = m.pool_in_use, pool_hits = m.pool_hits, pool_misses = m.pool_misses
    FROM registry_serverstate m WHERE m.server_id = %(model)s AND s.server_id <> m.server_id
"""
COPY_CONNECTIONS: Final[LiteralString] = """
    INSERT INTO registry_connection (server_id, service_id, connection_id, opened_at, state, owner_kind, snapshot,
                                     essential, owner, name, type, site)
    SELECT s.server_id, c.service_id, c.connection_id, c.opened_at, c.state, c.owner_kind, c.snapshot,
           c.essential, c.owner, c.name, c.type, c.site
    FROM registry_connection c, registry_serverstate s
    WHERE c.server_id = %(model)s AND c.connection_id < %(filled)s AND s.server_id <> c.server_id
    ORDER BY s.server_id
"""
LAG: Final = 1  # reports that a connection lives: every round but a server's first closes as much as it opens


@dataclass(frozen=True, slots=True)
class Cell:
    """What one run gave. Processor time in microseconds for each report; latencies in milliseconds."""

    reports_per_s: float
    reports: int
    p50_ms: float
    p99_ms: float
    web_cpu_us: float
    database_cpu_us: float
    loader_cpu_us: float
    busy_cores: float  # of web and PostgreSQL together
    clean: bool
    first_error: str

    @property
    def cpu_us(self) -> float:
        """Of web and PostgreSQL."""
        return self.web_cpu_us + self.database_cpu_us

    def to_dict(self) -> dict[str, Any]:
        """All fields and `cpu_us`, ready for JSON."""
        return asdict(self) | {"cpu_us": round(self.cpu_us, 1)}


class Fleet:
    """So many servers of one game, LAG busy reports behind them; each layout of web processes takes what comes next."""

    def __init__(self, base: Database, servers: int) -> None:
        self.base = base
        self.servers = servers
        self._next_seq = 1 + LAG  # that no server has used
        _send_first(base, servers)

    @contextmanager
    def reporting(self, running: Running) -> Iterator[Reporting]:
        """The fleet reports to these."""
        turns = [(self._next_seq, 0)] * len(running.addresses)
        reporting = Reporting(self.base, self.servers, running, turns)
        yield reporting
        self._next_seq = 1 + max(seq for seq, _ in reporting.turns)


class Reporting:
    """A fleet and the web processes that it reports to; each run goes on where the one before stopped."""

    def __init__(self, base: Database, servers: int, running: Running, turns: Sequence[tuple[int, int]]) -> None:
        self.turns = list(turns)  # of each address' share: the next sequence number, from which server on
        self._base = base
        self._servers = servers
        self._running = running

    @property
    def round(self) -> int:
        """How many reports each server has sent, those before these web processes included."""
        return min(seq for seq, _ in self.turns) - 1

    def load(self, workload: Workload, *, seconds: int, pause_ms: int = 0) -> Cell:
        """Loads them for `seconds`; `pause_ms` between an answer and the connection's next report."""
        before = self._cpu_s()
        results = self._send(workload, seconds=seconds, pause_ms=pause_ms)
        after = self._cpu_s()
        return cell_of(results, [late - early for early, late in zip(before, after, strict=True)])

    def _cpu_s(self) -> tuple[float, float, float]:
        return cpu_s(list(self._running.pids)), self._base.cpu_s(), children_cpu_s()

    def _send(self, workload: Workload, *, seconds: int, pause_ms: int) -> list[LoadResult]:
        addresses = self._running.addresses
        headers = {"Authorization": f"Bearer {self._base.key}"}
        with ThreadPoolExecutor(len(addresses)) as pool:
            sending = [
                pool.submit(
                    run_wrk, address, share, seconds=seconds, connections=CONNECTIONS // len(addresses), headers=headers
                )
                for address, share in zip(addresses, self._shares(workload, pause_ms), strict=True)
            ]
            results = [one.result() for one in sending]
        self.turns = [result.next_turn for result in results]
        return results

    def _shares(self, workload: Workload, pause_ms: int) -> list[Script]:
        whole = replace(script(workload, servers=self._servers, lag=LAG), pause_ms=pause_ms)
        return [
            replace(whole, servers=whole.servers[place :: len(self.turns)]).starting_at(*turn)
            for place, turn in enumerate(self.turns)
        ]


def _send_first(base: Database, servers: int) -> None:
    """One server reports, and the others are made its copies: in a large fleet first reports would take minutes."""
    whole = script(BUSY, servers=servers, lag=LAG)
    with web(base, processes=1) as (address, _):
        prime(
            address,
            replace(whole, servers=whole.servers[:1]),
            rounds=LAG,
            headers={"Authorization": f"Bearer {base.key}"},
        )
    values = {"model": server_key(base.game_id, whole.servers[0], BOOT), "filled": FIRST_FILLED_ID}
    with psycopg.connect(base.url, autocommit=True) as connection:
        connection.execute(COPY_STATE, values)
        connection.execute(COPY_CONNECTIONS, values)
        connection.execute("VACUUM ANALYZE registry_serverstate, registry_connection")
        connection.execute("CHECKPOINT")


def cell_of(results: Sequence[LoadResult], cpu: Sequence[float]) -> Cell:
    """One figure of the parts of a fleet; `cpu` is seconds of web, database and generator."""
    answers = max(sum(result.answers for result in results), 1)
    web, database, loader = (round(spent / answers * 1e6, 1) for spent in cpu)
    return Cell(
        reports_per_s=round(sum(result.requests_per_s for result in results), 1),
        reports=answers,
        p50_ms=max(result.p50_ms for result in results),
        p99_ms=max(result.p99_ms for result in results),
        web_cpu_us=web,
        database_cpu_us=database,
        loader_cpu_us=loader,
        busy_cores=round((cpu[0] + cpu[1]) / max(result.seconds for result in results), 2),
        clean=all(result.clean for result in results),
        first_error=next((result.first_error for result in results if result.first_error), ""),
    )
