"""What the measurement of pages asks for, and how it counts."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs

import pytest

from bench.chaos.links import RestLink, Target
from bench.ingest.workloads import BUSY, script
from bench.pages.lists import Table
from bench.pages.pixel import told
from bench.pages.reports import Reporter


def test_each_order_is_asked_for_both_ways_with_each_word() -> None:
    table = Table("servers", "servers/table", ("name", "live"), ({}, {"q": "lobby"}))
    asked = [parse_qs(query) for query in table.queries()]
    assert len(asked) == 8
    assert {one["sort"][0] for one in asked} == {"name", "-name", "live", "-live"}
    assert sum("q" in one for one in asked) == 4


def test_a_table_without_orders_is_asked_for_as_it_is() -> None:
    assert Table("overview", "", asked=({},)).queries() == [""]


def test_percentiles_are_of_all_values() -> None:
    figures = told("push", [float(value) for value in range(101)])
    assert figures == {"push_p50_ms": 50.0, "push_p99_ms": 99.0}


def test_reports_go_round_the_servers_each_numbering_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, int]] = []

    async def exchange(self: RestLink, body: bytes) -> dict[str, str]:
        report = json.loads(body)
        sent.append((report["server"]["id"], report["seq"]))
        if len(sent) == 1_020:
            reporter.end()
        return {"kind": "ack"}

    monkeypatch.setattr(RestLink, "exchange", exchange)
    workload = script(BUSY).starting_at(7)
    reporter = Reporter(workload, Target("127.0.0.1", 1, "key"), rate=1e6)
    asyncio.run(reporter.run())
    assert set(sent) >= {(name, 7) for name in workload.servers}
    assert ("server-0001", 8) in sent
    assert len(sent) == len(set(sent)) == reporter.acknowledged
    assert reporter.refused == 0
