"""How much a key, an address and a process may be asked; what is answered when the database is away."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from pytest_django.fixtures import Settings

from api.limits import NAMES, Buckets
from connmon.core.database import conninfo
from connmon.core.ids import NewKey
from connmon.registry.ingest import Ingest
from tests.machine import Answer, Machine
from tests.registry.edges import Process, until_connected, with_processes

MakeServer = Callable[..., Machine]
SNAPSHOT = {"part": 1, "of": 1}


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def assert_later(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code)
    assert int(answer.headers["retry-after"]) == answer.body["retry_after"] >= 1


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    buckets = Buckets(rate=2, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0.0, 0.5]


def test_a_bucket_fills_no_further_than_its_burst() -> None:
    clock = Clock()
    buckets = Buckets(rate=10, burst=2, clock=clock)
    buckets.take("a")
    clock.now += 1_000
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.1]


def test_asking_in_vain_costs_nothing() -> None:
    clock = Clock()
    buckets = Buckets(rate=1, burst=1, clock=clock)
    buckets.take("a")
    assert [buckets.take("a") for _ in range(50)] == [1.0] * 50
    clock.now += 1
    assert buckets.take("a") == 0.0


def test_names_have_buckets_of_their_own() -> None:
    buckets = Buckets(rate=1, burst=1, clock=Clock())
    assert [buckets.take("a"), buckets.take("b")] == [0.0, 0.0]
    assert buckets.take("a") > 0


def test_the_number_of_buckets_is_bounded() -> None:
    buckets = Buckets(rate=1, burst=1, clock=Clock())
    for number in range(NAMES + 10):
        buckets.take(number)
    assert len(buckets._levels) <= NAMES


async def send_until_told_to_wait(process: Process, server: Machine) -> Answer:
    """Sends as fast as it can."""
    await until_connected(process, server.report(snapshot=SNAPSHOT), key=server.key)
    for _ in range(500):
        answer = await process.post(server.report(), key=server.key)
        if answer.status != 200:
            return answer
    return answer


def test_a_key_that_sends_more_than_it_may_is_told_when_to_go_on(server: Machine, settings: Settings) -> None:
    settings.INGEST_KEY_RATE = 20
    answer = with_processes(1, lambda process: send_until_told_to_wait(process, server))
    assert_later(answer, 429, "too-many-reports")
    assert server.state.last_seq == server.seq - 1
    assert not server.refusals().exists()


def test_one_keys_haste_does_not_slow_another(
    make_server: MakeServer, make_key: Callable[..., NewKey], settings: Settings
) -> None:
    settings.INGEST_KEY_RATE = 20
    hasty, calm = make_server(), make_server("server-2", key=make_key())

    async def work(process: Process) -> list[int]:
        told = await send_until_told_to_wait(process, hasty)
        return [told.status, (await process.post(calm.report(), key=calm.key)).status]

    assert with_processes(1, work) == [429, 200]


def test_bad_keys_from_one_address_are_limited(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.ingest.Buckets", partial(Buckets, clock=Clock()))
    report = server.report()

    async def work(process: Process) -> list[Answer]:
        return [await process.post(report, key=f"cm_{number}_guess") for number in range(120)]

    answers = with_processes(1, work)
    assert {answer.status for answer in answers[:100]} == {401}
    for answer in answers[100:]:
        assert_later(answer, 429, "too-many-reports")


def test_a_good_key_is_not_held_up_by_bad_ones_from_its_address(server: Machine) -> None:
    report = server.report(snapshot=SNAPSHOT)

    async def work(process: Process) -> int:
        await until_connected(process, report, key=server.key)
        for number in range(120):
            await process.post(report, key=f"cm_{number}_guess")
        return (await process.post(report, key=server.key)).status

    assert with_processes(1, work) == 200


def test_when_too_many_reports_wait_the_others_are_told_when_to_come_again(
    make_server: MakeServer, settings: Settings
) -> None:
    settings.INGEST_QUEUE = 3
    servers = [make_server(f"server-{number}") for number in range(12)]
    dsn = conninfo()

    async def work(process: Process) -> list[Answer]:
        await until_connected(process, servers[0].report(snapshot=SNAPSHOT), key=servers[0].key)
        posts = []
        with psycopg.connect(dsn) as holder:
            holder.execute("LOCK TABLE registry_serverstate IN ACCESS EXCLUSIVE MODE")
            for server in servers:  # one at a time: the first ones go from the queue into open batches
                posts.append(asyncio.create_task(process.post(server.report(), key=server.key)))
                await asyncio.sleep(0.01)
            holder.rollback()
        return list(await asyncio.gather(*posts))

    answers = with_processes(1, work)
    refused = [answer for answer in answers if answer.status != 200]
    assert 0 < len(refused) < len(servers)
    for answer in refused:
        assert_later(answer, 503, "overloaded")


def test_a_fault_of_ours_is_answered_as_such_and_ends_nothing(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError("made by the test")

    async def work(process: Process) -> list[Answer]:
        await until_connected(process, server.report(snapshot=SNAPSHOT), key=server.key)
        report = server.report()
        with monkeypatch.context() as patch:
            patch.setattr("connmon.registry.writer.decide", fail)
            faults = [await process.post(report, key=server.key) for _ in range(4)]
        return [*faults, await process.post(report, key=server.key)]

    *faults, last = with_processes(1, work)
    for answer in faults:
        assert_later(answer, 500, "internal-error")
    assert (last.status, last.body["ack"]) == (200, 2)


def test_without_a_database_nothing_is_taken(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_dead_database(dsn: str, **options: object) -> Ingest:
        return Ingest("host=/nowhere dbname=none", **options)  # type: ignore[arg-type]

    monkeypatch.setattr("api.edges.Ingest", on_dead_database)
    answer = with_processes(1, lambda process: process.post(server.report(), key=server.key))
    assert_later(answer, 503, "database-down")


def test_without_a_database_to_look_keys_up_nothing_is_taken(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.edges.conninfo", lambda: "host=/nowhere dbname=none")
    monkeypatch.setattr("api.edges.AsyncConnectionPool", impatient_pool)
    answer = with_processes(1, lambda process: process.post(server.report(), key=server.key))
    assert_later(answer, 503, "database-down")


def impatient_pool(dsn: str, **options: Any) -> AsyncConnectionPool:
    return AsyncConnectionPool(dsn, **(options | {"timeout": 0.1}))
