"""Many reports at once, of many servers and of one, through one web process and through two."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from connmon.core.database import conninfo
from connmon.core.ids import NewKey
from connmon.registry import writer
from tests.machine import Answer, Json, Machine, changed, closed, opened, pool, service
from tests.registry.conftest import Errors, Taken
from tests.registry.edges import Process, until_connected, with_processes

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]
SNAPSHOT = {"part": 1, "of": 1}


@pytest.fixture(params=[0, writer.FEW], ids=["large batches", "small batches"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large batches fail as a whole, small ones are looked at first."""
    monkeypatch.setattr(writer, "FEW", request.param)


def send_all(server: Machine, rounds: int) -> list[Answer]:
    """A first snapshot, then reports one after the other, each with an opening and the close of the one before."""
    answers = [server.send(snapshot=SNAPSHOT, opened=[opened(1)])]
    for number in range(2, rounds + 1):
        answers.append(
            server.send(opened=[opened(number)], closed=[closed(number - 1)], services=[service(live=number)])
        )
    return answers


def test_a_hundred_servers_report_at_once(make_server: MakeServer, taken: Taken) -> None:
    servers = [make_server(f"server-{number}") for number in range(100)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda server: send_all(server, 4), servers))
    assert {(answer.status, answer.body["resync"]) for many in answers for answer in many} == {(200, False)}
    for server in servers:
        assert (server.registered(), server.state.last_seq, server.counters()["CombatService"][0]) == ({4}, 4, 4)
    assert taken() == Counter({(server.id, seq): 1 for server in servers for seq in range(1, 5)})


def test_a_hundred_reports_of_one_server_are_taken_in_the_order_they_came(server: Machine, taken: Taken) -> None:
    first = server.report(snapshot=SNAPSHOT)
    reports = [
        server.report(opened=[opened(n)], closed=[closed(n - 1)], services=[service(live=n)]) for n in range(2, 102)
    ]

    async def work(process: Process) -> list[Answer]:
        await until_connected(process, first, key=server.key)
        return await asyncio.gather(*(process.post(report, key=server.key) for report in reports))

    answers = with_processes(1, work)
    assert [(answer.status, answer.body.get("ack"), answer.body.get("resync")) for answer in answers] == [
        (200, seq, False) for seq in range(2, 102)
    ]
    assert (server.registered(), server.counters()["CombatService"][0]) == ({101}, 101)
    assert taken() == Counter({(server.id, seq): 1 for seq in range(1, 102)})


def test_reports_of_one_server_that_overtake_each_other_are_acknowledged_or_refused(server: Machine) -> None:
    server.send_first()
    reports = [server.report(opened=[opened(number)]) for number in range(1, 61)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda report: server.site.post(report, key=server.key), reports))
    assert {answer.status for answer in answers} <= {200, 409}
    acknowledged = {
        report["opened"][0]["id"] for report, answer in zip(reports, answers, strict=True) if answer.status == 200
    }
    assert server.registered() == acknowledged
    assert server.state.last_seq == 61


def test_two_processes_that_take_a_servers_reports_in_turn_stay_right(server: Machine, taken: Taken) -> None:
    names = ("A", "B", "C")

    async def work(*processes: Process) -> list[Answer]:
        first = server.report(snapshot=SNAPSHOT, services=[service(name, live=0) for name in names])
        for process in processes:
            await until_connected(process, first, key=server.key)
        answers = []
        for number in range(1, 31):
            report = server.report(
                opened=[opened(number)],
                closed=[closed(number - 2)] if number > 2 else [],
                services=[service(names[number % 3], live=number)],
                pools=[pool(names[number % 3], hits=number)],
            )
            answers.append(await processes[number % 2].post(report, key=server.key))
        return answers

    answers = with_processes(2, work)
    assert {(answer.status, answer.body.get("resync")) for answer in answers} == {(200, False)}
    assert server.registered() == {29, 30}
    assert {name: values[0] for name, values in server.counters().items()} == {"A": 30, "B": 28, "C": 29}
    assert {name: values[2] for name, values in server.pools().items()} == {"A": 30, "B": 28, "C": 29}
    assert taken() == Counter({(server.id, seq): 1 for seq in range(1, 32)})


def test_a_process_that_missed_reports_of_a_server_asks_for_no_snapshot(server: Machine) -> None:
    """It looks at the table; only what nobody has taken is a gap."""
    first = server.report(snapshot=SNAPSHOT, services=[service("A", live=1), service("B", live=1)])
    elsewhere = [server.report(services=[service("A", live=n)], opened=[opened(n)]) for n in range(2, 6)]
    back, _, after_a_gap = (server.report(services=[service("B", live=n)]) for n in range(2, 5))

    async def work(one: Process, two: Process) -> list[Answer]:
        await until_connected(one, first, key=server.key)
        for report in elsewhere:
            await until_connected(two, report, key=server.key)
        return [await one.post(report, key=server.key) for report in (back, after_a_gap)]

    answers = with_processes(2, work)
    assert [(answer.status, answer.body["resync"]) for answer in answers] == [(200, False), (200, True)]
    assert {name: values[0] for name, values in server.counters().items()} == {"A": 5, "B": 4}


def test_reports_that_change_process_or_meet_there_are_no_errors_of_the_database(
    server: Machine, database_errors: Errors
) -> None:
    async def work(*processes: Process) -> None:
        for process in processes:
            await until_connected(process, server.report(snapshot=SNAPSHOT), key=server.key)
        for number in range(1, 11):
            report = server.report(opened=[opened(number)])
            await asyncio.gather(*(process.post_until_taken(report, key=server.key) for process in processes))
            await until_connected(processes[number % 2], server.report(), key=server.key)

    with_processes(2, work)
    assert database_errors() == []


def test_two_processes_that_take_many_servers_reports_at_once_stay_right(make_server: MakeServer, taken: Taken) -> None:
    servers = [make_server(f"server-{number}") for number in range(20)]
    chance = random.Random(5)

    async def report_on(server: Machine, processes: tuple[Process, ...]) -> None:
        for number in range(1, 13):
            changes: Json = {"snapshot": SNAPSHOT} if number == 1 else {"closed": [closed(number - 1)]}
            report = server.report(opened=[opened(number)], services=[service(live=number)], **changes)
            answer = await chance.choice(processes).post_until_taken(report, key=server.key)
            assert (answer.status, answer.body.get("resync")) == (200, False), answer

    async def work(*processes: Process) -> None:
        await asyncio.gather(*(report_on(server, processes) for server in servers))

    with_processes(2, work)
    for server in servers:
        assert (server.registered(), server.counters()["CombatService"][0]) == ({12}, 12)
    assert taken() == Counter({(server.id, seq): 1 for server in servers for seq in range(1, 13)})


def test_a_report_that_reaches_two_processes_at_once_is_taken_once(server: Machine, taken: Taken, size: None) -> None:
    async def work(*processes: Process) -> None:
        first = server.report(snapshot=SNAPSHOT)
        for process in processes:
            await until_connected(process, first, key=server.key)
        for number in range(1, 11):
            report = server.report(opened=[opened(number)])
            answers = await asyncio.gather(*(process.post_until_taken(report, key=server.key) for process in processes))
            assert {(answer.status, answer.body.get("ack")) for answer in answers} == {(200, number + 1)}

    with_processes(2, work)
    assert server.registered() == set(range(1, 11))
    assert taken() == Counter({(server.id, seq): 1 for seq in range(1, 12)})


def test_a_new_boot_that_begins_at_another_process_ends_the_old_one_everywhere(make_server: MakeServer) -> None:
    old, new = make_server(), make_server(boot="boot-2")

    async def work(one: Process, two: Process) -> Answer:
        for number in range(1, 4):
            await until_connected(one, old.report(snapshot=SNAPSHOT, opened=[opened(number)]), key=old.key)
        await until_connected(two, new.report(snapshot=SNAPSHOT, opened=[opened(9)]), key=new.key)
        return await one.post(old.report(opened=[opened(4)]), key=old.key)

    answer = with_processes(2, work)
    assert (answer.status, answer.code) == (409, "boot-superseded")
    assert (old.registered(), new.registered()) == (set(), {9})


GOOD_RUNS = (1, 2, 3, 4, 5, 6, 1, 2, 3, 4)  # batches between two that are undone


def busy(machine: Machine) -> Json:
    """A report that uses every statement of a batch."""
    number = machine.seq + 1
    before = max(number - 1, 1)
    return machine.report(opened=[opened(number)], closed=[closed(before)], changed=[changed(before, "idle")])


def test_batches_that_find_an_id_already_there_do_not_harm_those_that_follow(make_server: MakeServer) -> None:
    """A batch that is undone must not take along what its connection has prepared so far."""
    good, again = make_server("good"), make_server("again")

    async def work(process: Process) -> None:
        for server in (good, again):
            await until_connected(process, server.report(snapshot=SNAPSHOT, opened=[opened(1)]), key=server.key)
        for run in GOOD_RUNS:
            report = busy(again) | {"opened": [opened(1)]}
            answers = [await process.post(report, key=again.key)]
            answers += [await process.post(busy(good), key=good.key) for _ in range(run)]
            assert {answer.status for answer in answers} == {200}, answers

    with_processes(1, work)


def test_batches_with_a_dead_key_do_not_harm_those_that_follow(
    make_server: MakeServer, make_key: MakeKey, database_errors: Errors
) -> None:
    good, dying = make_server("good"), [make_server(f"dying-{n}", key=make_key()) for n in range(len(GOOD_RUNS))]
    dsn = conninfo()

    async def work(process: Process) -> None:
        for server in (good, *dying):
            await until_connected(process, server.report(snapshot=SNAPSHOT, opened=[opened(1)]), key=server.key)
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as database:
            for server, run in zip(dying, GOOD_RUNS, strict=True):
                await database.execute("UPDATE accounts_apikey SET revoked_at = now() WHERE id = %s", [server.key.id])
                refused = await process.post(busy(server), key=server.key)
                assert (refused.status, refused.code) == (401, "key-revoked")
                answers = [await process.post(busy(good), key=good.key) for _ in range(run)]
                assert {answer.status for answer in answers} == {200}, answers

    with_processes(1, work)
    assert good.registered() == {good.seq}
    assert database_errors() == []


def test_a_server_that_opens_again_what_is_there_harms_nobody(make_server: MakeServer) -> None:
    faulty, others = make_server("faulty"), [make_server(f"server-{number}") for number in range(8)]

    async def work(process: Process) -> list[int]:
        await until_connected(process, faulty.report(snapshot=SNAPSHOT, opened=[opened(1)]), key=faulty.key)
        statuses = []
        for _ in range(25):
            reports = [faulty.report(opened=[opened(1)])] + [busy(server) for server in others]
            answers = await asyncio.gather(*(process.post(report, key=faulty.key) for report in reports))
            statuses += [answer.status for answer in answers]
        return statuses

    assert set(with_processes(1, work)) == {200}
    assert faulty.registered() == {1}


def test_a_dead_key_in_a_batch_harms_none_of_the_others(make_server: MakeServer, make_key: MakeKey, size: None) -> None:
    servers = [make_server(f"server-{number}", key=make_key()) for number in range(10)]
    dead = servers[4]
    dsn = conninfo()

    async def work(process: Process) -> list[Answer]:
        for server in servers:
            await until_connected(process, server.report(snapshot=SNAPSHOT), key=server.key)
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as database:
            await database.execute("UPDATE accounts_apikey SET revoked_at = now() WHERE id = %s", [dead.key.id])
        return await asyncio.gather(*(process.post(busy(server), key=server.key) for server in servers))

    answers = with_processes(1, work)
    assert [answer.status for answer in answers] == [401 if server is dead else 200 for server in servers]
    assert [len(server.registered()) for server in servers] == [0 if server is dead else 1 for server in servers]
