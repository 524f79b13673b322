"""The limit: the same rows as busy reports, written bare by COPY and unnest, with nothing but the database at work.

Values are rendered before the clock starts. Two connections write batches of BATCH reports in turn, each committed and
flushed, as ingest's lanes do; there is no HTTP, no decoding, no key, no sequence to check, no live update.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from bench.ingest.site import COPY, Database
from bench.ingest.workloads import BOOT, BUSY, LAG, SERVERS, script
from bench.loader import server_names
from connmon.core import ids
from connmon.registry import statements as sql
from connmon.registry.image import Image
from connmon.registry.rows import Rows, render
from connmon.registry.rules import Position, Step
from connmon.wire.codec import decode_report

BATCH = 32  # reports: what a lane finds waiting at 64 connections
WRITERS = 2
FIRST_SEQ = 10_000_000  # no ids of the load before it

Batch = tuple[dict[str, Any], tuple[str, ...], str]


def measure(base: Database, *, seconds: int) -> dict[str, Any]:
    """Reports a second whose rows were written and flushed."""
    with psycopg.connect(base.url) as connection:
        service_ids: dict[str, int] = dict(connection.execute("SELECT name, id FROM registry_service").fetchall())
        connection.execute("UPDATE registry_serverstate SET last_seq = 0")
    names = server_names(SERVERS)
    shares = [names[number::WRITERS] for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        rates = list(pool.map(lambda share: _write(base, list(share), service_ids, seconds), shares))
    rate = sum(rates)
    print(f"limit: {rate:.0f} busy reports a second by bare COPY and unnest, batches of {BATCH}", flush=True)
    return {"reports_per_s": round(rate, 1), "batch": BATCH, "writers": WRITERS}


def _write(base: Database, servers: list[str], service_ids: dict[str, int], seconds: int) -> float:
    """Renders a stretch of batches, writes it with the clock running, and again, until `seconds` were written."""
    written, spent, seq = 0, 0.0, FIRST_SEQ
    with psycopg.connect(base.url, autocommit=True) as connection:
        while spent < seconds:
            batches = list(_render(base, servers, service_ids, seq))
            began = time.perf_counter()
            for batch in batches:
                _commit(connection, batch)
            spent += time.perf_counter() - began
            written += len(servers)
            seq += 1
    return written / spent


def _commit(connection: psycopg.Connection, batch: Batch) -> None:
    states, closed, opened = batch
    with connection.transaction():
        with connection.pipeline():
            connection.execute(sql.TAKE, states)
            connection.execute(sql.CLOSE, closed)
        with connection.cursor().copy(COPY) as copy:
            copy.write(opened)


def _render(base: Database, servers: list[str], service_ids: dict[str, int], seq: int) -> Iterator[Batch]:
    load = script(BUSY)
    for start in range(0, len(servers), BATCH):
        reports = []
        for server in servers[start : start + BATCH]:
            template = load.body if seq >= FIRST_SEQ + LAG else load.opening
            assert template
            text = load.render(template, server=server, seq=seq, now_ms=time.time_ns() // 1_000_000)
            report = decode_report(text.encode())
            before = Image(Position(seq - 1 if seq > FIRST_SEQ else 0, 0, 1, 0, synced=True))
            step = Step(Position(seq, 0, 1, 0, synced=True))
            server_id = ids.server_key(base.game_id, server, BOOT)
            reports.append(
                render(server_id, report, step, before=before, interval=10, received_at=time.time(), ids=service_ids)
            )
        rows = Rows(reports)
        closed = rows.event_values(rows.closed) if rows.closed else ("{}", "{}", "{}")
        values = [[field.strip('" ') for field in column[1:-1].split(",")] for column in rows.opened_values()]
        opened = "".join("\t".join(row) + "\n" for row in zip(*values, strict=True))
        yield {**rows.state_values(), "keys": "{}", "now": "now"}, closed, opened
