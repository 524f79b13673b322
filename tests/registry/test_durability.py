"""200 means committed; what is not committed is answered 503 and changes nothing, however the database goes away."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, transaction

from connmon.core.database import conninfo
from tests.conftest import EDGE_NAME
from tests.machine import Answer, Json, Machine, closed, opened, service, wait_for
from tests.registry.conftest import Taken

MakeServer = Callable[..., Machine]
SNAPSHOT = {"part": 1, "of": 1}

EDGE_BACKENDS = "FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"


def end_edge_backends() -> int:
    """Kills the database connections of the site's edge, whatever they do; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {EDGE_BACKENDS}", [EDGE_NAME])
        return int(cursor.fetchone()[0])


def is_one_waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {EDGE_BACKENDS} AND wait_event_type = 'Lock'", [EDGE_NAME])
        return bool(cursor.fetchone()[0])


@pytest.fixture(autouse=True)
def _leave_whole(make_server: MakeServer) -> Iterator[None]:
    """Each connection that was killed costs one 503 until it is opened anew: not in the tests that follow."""
    yield
    machine = make_server("healer")
    unknown_keys = (f"cm_{random.random()}_x" for _ in range(50))
    in_a_row = 0
    while in_a_row < 6:
        answers = machine.site.post(b"", key=next(unknown_keys)), machine.send()
        in_a_row = in_a_row + 1 if [answer.status for answer in answers] == [401, 200] else 0


def send_until_taken(server: Machine, report: Json, refusals: list[Answer]) -> Answer:
    """Sends a report again and again while it is answered with 503."""
    deadline = time.monotonic() + 15
    while (answer := server.site.post(report, key=server.key)).status == 503:
        assert time.monotonic() < deadline, answer
        refusals.append(answer)
        time.sleep(0.02)
    return answer


def test_what_is_answered_with_200_is_visible_to_everyone(server: Machine) -> None:
    with psycopg.connect(conninfo(), autocommit=True) as other:
        for number in range(1, 6):
            assert server.send(opened=[opened(number)]).status == 200
            row = other.execute("SELECT count(*) FROM registry_connection WHERE server_id = %s", [server.id]).fetchone()
            assert row == (number,)


@pytest.fixture
def held_report(server: Machine) -> Callable[[Json], "Future[Answer]"]:
    """Sends a report whose transaction waits for a lock that the test holds."""
    threads = ThreadPoolExecutor(1)

    def send(report: Json) -> Future[Answer]:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE registry_connection IN ACCESS EXCLUSIVE MODE")
        answer = threads.submit(server.site.post, report, key=server.key)
        wait_for(is_one_waiting_for_a_lock, "the report's transaction to wait")
        return answer

    return send


def test_nothing_is_answered_before_the_commit(
    server: Machine, held_report: Callable[[Json], "Future[Answer]"]
) -> None:
    server.send_first()
    with transaction.atomic():
        answer = held_report(server.report(opened=[opened(1)]))
        assert not answer.done()
    assert answer.result(10).status == 200
    assert server.registered() == {1}


def test_a_report_whose_transaction_dies_is_refused_whole_and_taken_when_sent_again(
    server: Machine, taken: Taken, held_report: Callable[[Json], "Future[Answer]"]
) -> None:
    server.send_first(opened=[opened(1)], services=[service(live=1)])
    before = server.everything()
    report = server.report(opened=[opened(2)], closed=[closed(1)], services=[service(live=2)])
    with transaction.atomic():
        answer = held_report(report)
        assert end_edge_backends()
        refused = answer.result(10)
    assert (refused.status, refused.code) == (503, "database-down")
    assert int(refused.headers["retry-after"]) == refused.body["retry_after"] >= 1
    assert server.everything() == before
    assert send_until_taken(server, report, []).body["ack"] == 2
    assert (server.registered(), server.counters()["CombatService"][0]) == ({2}, 2)
    assert taken() == Counter({(server.id, 1): 1, (server.id, 2): 1})


def await_progress(acknowledged: Counter[int], more: int, running: list["Future[None]"]) -> None:
    """Until that many more reports were acknowledged, or there are none left to come."""
    goal = sum(acknowledged.values()) + more
    wait_for(lambda: sum(acknowledged.values()) >= goal or all(one.done() for one in running), "reports to be taken")


def test_nothing_is_lost_or_taken_twice_while_the_database_connections_die_again_and_again(
    make_server: MakeServer, taken: Taken
) -> None:
    servers = [make_server(f"server-{number}") for number in range(8)]
    refusals: list[Answer] = []
    acknowledged: Counter[int] = Counter()
    rounds = 30

    def report_on(server: Machine) -> None:
        for number in range(1, rounds + 1):
            changes: Json = {"snapshot": SNAPSHOT} if number == 1 else {"closed": [closed(number - 1)]}
            report = server.report(opened=[opened(number), opened(number + 1_000)], **changes)
            answer = send_until_taken(server, report, refusals)
            assert (answer.status, answer.body.get("ack"), answer.body.get("resync")) == (200, number, False)
            acknowledged[server.id] = number

    with ThreadPoolExecutor(len(servers)) as threads:
        running = [threads.submit(report_on, server) for server in servers]
        chance, deaths = random.Random(3), 0
        while not all(one.done() for one in running):
            await_progress(acknowledged, chance.randrange(15, 40), running)
            deaths += bool(end_edge_backends())
        for one in running:
            one.result()

    assert deaths >= 4
    assert {(answer.status, answer.code) for answer in refusals} <= {(503, "database-down")}
    assert all(answer.headers["retry-after"].isdigit() for answer in refusals)
    for server in servers:
        assert server.state.last_seq == rounds
        assert server.registered() == {rounds} | {1_000 + number for number in range(1, rounds + 1)}
    assert taken() == Counter({(server.id, seq): 1 for server in servers for seq in range(1, rounds + 1)})


def test_keys_are_looked_up_again_after_the_connections_for_it_died(
    server: Machine, make_key: Callable[..., object]
) -> None:
    server.send_first()
    end_edge_backends()
    report = server.report()
    server.key = make_key()  # type: ignore[assignment]
    assert send_until_taken(server, report, []).status == 200


def test_a_report_that_waits_too_long_for_its_commit_is_told_to_come_again(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connmon.registry.ingest.TAKE_SECONDS", 0.1)
    server.send_first()
    report = server.report(players=9)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM registry_serverstate WHERE server_id = %s FOR UPDATE", [server.id])
        answer = server.site.post(report, key=server.key)
        assert (answer.status, answer.code) == (503, "overloaded")
    assert send_until_taken(server, report, []).body["ack"] == 2
    assert (server.state.last_seq, server.state.players) == (2, 9)
