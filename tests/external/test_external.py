"""PostgreSQL 15 and Redis 7 of Debian, two web processes, two workers: the same connmon.

In this order: what works at first has to work again after each part was killed.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.external.installation import WEB_PROCESSES, Installation, until
from tests.external.servers import PASSWORD, QUOTED
from tests.machine import PATIENCE, Json, Machine, closed, opened, service
from tests.runtime import release
from tests.runtime.release import BACKUPS

PLAN = re.compile(r"Plan (\d+) ")
SERVERS = 4
HELD = 5  # connections of each server
LIVE = 7  # connections that each server counts in its service
MESSAGES = 20  # that a socket gets at most until it has heard of all servers
SOCKETS = 40  # opened at most until each web process has one


@pytest.fixture(scope="module")
def servers(external: Installation) -> list[Machine]:
    """Game servers that hold HELD connections each."""
    found = [external.server(number) for number in range(1, SERVERS + 1)]
    for server in found:
        server.send_first(opened=[opened(number) for number in range(1, HELD + 1)])
    return found


@pytest.fixture(scope="module")
def sockets(external: Installation, servers: list[Machine]) -> Iterator[dict[str, ClientConnection]]:
    """A browser's live socket at each web process."""
    with ExitStack() as last:
        browser = last.enter_context(external.logged_in())
        found: dict[str, ClientConnection] = {}
        for _ in range(SOCKETS):
            socket = last.enter_context(external.watch(browser.cookies["sessionid"]))
            found.setdefault(external.serving(socket), socket)
            if len(found) == WEB_PROCESSES:
                break
        assert len(found) == WEB_PROCESSES
        yield found


def totals(external: Installation) -> tuple[int, int]:
    """Connections in the registry, and servers that hold them."""
    query = "SELECT count(*) || ' ' || count(DISTINCT server_id) FROM registry_connection"
    connections, holders = str(external.postgres.ask("connmon", query)).split()
    return int(connections), int(holders)


def report(server: Machine) -> bool:
    """Whether the server's next report was taken. One that was not is sent again under its number, as agents do."""
    try:
        answer = server.send()
    except (OSError, HTTPException):
        server.seq -= 1
        return False
    if answer.status != 200:
        server.seq -= 1
        return False
    assert answer.body["resync"] is False
    return True


def orders_of(server: Machine) -> list[Json]:
    """What the answer to its next report asks of it."""
    orders: list[Json] = server.send().body["orders"]
    return orders


def closes_everything(external: Installation, servers: list[Machine]) -> bool:
    """A plan over all servers: planned here, taken on by the workers, carried out by the servers, settled."""
    told = external.manage("cleanup", "emergency", "--reason", "x", "--hold", "0", "--no-canary", "--no-wait")
    assert str(SERVERS * HELD) in told
    for server in servers:
        orders = until(partial(orders_of, server), "orders")
        done = [
            {"order": order["id"], "status": "done", "closed": [number for number, _ in order["connections"]]}
            for order in orders
        ]
        gone = [closed(number) for order in orders for number, _ in order["connections"]]
        taken = server.send(outcomes=done, closed=gone)
        assert (taken.status, taken.body["resync"]) == (200, False), (taken, gone)
    state = f"SELECT state FROM cleanup_plan WHERE id = {PLAN.findall(told)[0]}"
    return bool(until(lambda: external.postgres.ask("connmon", state) in {"watching", "done"}, "the plan's end"))


def restore_into(external: Installation, database: str, saved: Path) -> None:
    """A backup into a new database of the external server."""
    external.postgres.ask("postgres", f"CREATE DATABASE {database}")
    external.manage("restore", str(saved), DATABASE_URL=external.postgres.url_of(database))


def fill(servers: list[Machine]) -> None:
    """They hold HELD connections again."""
    for server in servers:
        answer = server.send(snapshot={"part": 1, "of": 1}, opened=[opened(number) for number in range(1, HELD + 1)])
        assert answer.status == 200, answer


def test_it_runs_on_these_servers(external: Installation) -> None:
    assert external.is_ready()
    assert str(external.postgres.ask("connmon", "SHOW server_version")).startswith("15.")
    with external.redis.client() as client:
        assert client.info("server")["redis_version"].startswith("7.")
    assert not (external.folder / "postgres").exists()
    assert not (external.folder / "valkey").exists()


def test_reports_are_taken_and_acknowledged_once(external: Installation, servers: list[Machine]) -> None:
    assert totals(external) == (SERVERS * HELD, SERVERS)
    body = servers[0].report(opened=[opened(HELD + 1)], closed=[closed(1)])
    first, again = (external.site.post(body, key=release.KEY) for _ in range(2))
    assert first.body["ack"] == again.body["ack"] == servers[0].seq
    assert totals(external) == (SERVERS * HELD, SERVERS)


def test_both_web_processes_hear_of_what_one_has_taken(
    external: Installation, servers: list[Machine], sockets: dict[str, ClientConnection]
) -> None:
    with external.redis.client() as client:
        (channel,) = client.pubsub_channels("*group*")
        ((_, listeners),) = client.pubsub_numsub(channel)
    assert listeners == WEB_PROCESSES
    for server in servers:
        assert server.send(services=[service(live=LIVE)]).status == 200
    for socket in sockets.values():
        heard = (json.loads(socket.recv(timeout=PATIENCE)) for _ in range(MESSAGES))
        assert any(message["data"].get("totals", {}).get("live") == SERVERS * LIVE for message in heard)


def test_all_workers_take_tasks(external: Installation) -> None:
    listed = external.call([str(Path(".venv/bin/celery")), "-A", "connmon.celery", "inspect", "ping"])
    assert (listed.count("celery@"), listed.count("urgent@"), listed.count("pong")) == (2, 1, 3)


def test_a_cleanup_goes_its_whole_way(external: Installation, servers: list[Machine]) -> None:
    assert closes_everything(external, servers)
    assert totals(external) == (0, 0)
    fill(servers)


def test_pages_show_it(external: Installation, servers: list[Machine]) -> None:
    with external.logged_in() as browser:
        assert "server-3" in browser.get(f"/g/{release.SLUG}/servers/").text


def test_history_is_kept(external: Installation, servers: list[Machine]) -> None:
    until(lambda: external.postgres.ask("connmon", "SELECT count(*) FROM telemetry_gamesample"), "a sample")


def test_a_backup_is_made_and_restored_into_such_a_server(external: Installation, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    external.manage("backup", str(saved))
    restore_into(external, "second", saved)
    assert external.postgres.ask("second", "SELECT count(*) FROM registry_connection") == SERVERS * HELD


def test_a_backup_of_an_embedded_server_moves_to_such_a_server(external: Installation) -> None:
    restore_into(external, "third", max(BACKUPS))
    held = external.postgres.ask("third", "SELECT count(*) FROM registry_connection")
    assert held == release.SERVERS * release.CONNECTIONS


def restart_postgres(external: Installation) -> None:
    external.postgres.kill()
    external.postgres.start()


def restart_redis(external: Installation) -> None:
    external.redis.kill()
    external.redis.start()


PARTS: dict[str, Callable[[Installation], None]] = {
    "postgres": restart_postgres,
    "redis": restart_redis,
    "web-1": lambda external: external.kill("web-1"),
    "web-2": lambda external: external.kill("web-2"),
    "worker": lambda external: external.kill("worker"),
    "urgent": lambda external: external.kill("urgent"),
    "second worker": lambda external: external.kill_second_worker(),
    "beat": lambda external: external.kill("beat"),
}


@pytest.mark.parametrize("part", PARTS)
def test_what_was_acknowledged_stays_when_a_part_is_killed(
    external: Installation, servers: list[Machine], part: str
) -> None:
    PARTS[part](external)
    for server in servers:
        until(partial(report, server), "a report to be taken")
    assert totals(external) == (SERVERS * HELD, SERVERS)
    until(external.is_ready, "everything to be ready")


def test_after_all_of_it_a_cleanup_goes_its_whole_way_again(external: Installation, servers: list[Machine]) -> None:
    assert closes_everything(external, servers)
    assert totals(external) == (0, 0)


def test_every_line_that_was_logged_is_a_record_without_the_passwords(external: Installation) -> None:
    records = external.records()
    assert {record["process"] for record in records} >= {"connmon", "migrate"}
    said = "".join(run.output() for run in external.runs)
    assert PASSWORD not in said
    assert QUOTED not in said
