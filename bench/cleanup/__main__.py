"""`python -m bench.cleanup`: prints one JSON object as its last line."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg

from bench.cleanup.agents import CHANGED, CONNECTIONS, ESSENTIAL, Agent, run_rest, run_socket
from bench.cleanup.house import House, add_key, house, kill
from bench.ingest.site import Database, cpu_s, database, web
from bench.peers.run import machine

PATIENCE: Final = 120.0  # seconds for the agents to come up, and for the cleanup to end
WEB_PROCESSES: Final = 2
IN_SCOPE: Final = CONNECTIONS - 1  # of each agent: all but the essential one


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.cleanup", description=__doc__)
    parser.add_argument("--sockets", type=int, default=200, help="agents on sockets (200)")
    parser.add_argument("--rest", type=int, default=200, help="agents on REST, a report every 10 s (200)")
    parser.add_argument(
        "--full", action="store_true", help="1,000 of each, with and without kills; then 10,000 sockets"
    )
    return parser.parse_args()


async def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Raises if it does not come true within PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        await asyncio.sleep(0.005)


def kill_half_way(running: House, worker: subprocess.Popen[bytes], agents: list[Agent]) -> None:
    """kill -9 of a web process and of the worker as soon as half of `agents` carried out their orders."""
    deadline = time.monotonic() + PATIENCE
    while 2 * sum(bool(agent.executed) for agent in agents) < len(agents):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for half the orders")
        time.sleep(0.001)
    running.kill_web()
    kill(worker)


async def call(address: str, method: str, path: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One REST call of ops, in a thread."""

    def ask() -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "bench"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{address}{path}", data=data, headers=headers, method=method)
        with urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    return await asyncio.to_thread(ask)


async def run(base: Database, running: House, address: str, *, sockets: int, rest: int, kills: bool) -> dict[str, Any]:
    """One emergency over all agents; what it came to."""
    ops = add_key(base, "read", "execute")
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 0
    by_socket = [Agent(f"ws-{number}") for number in range(sockets)]
    by_rest = [Agent(f"rest-{number}") for number in range(rest)]
    agents = by_socket + by_rest
    tasks = [asyncio.create_task(run_socket(agent, host, port, base.key)) for agent in by_socket]
    tasks += [asyncio.create_task(run_rest(agent, host, port, base.key)) for agent in by_rest]
    worker = running.start_worker()
    running.start_beat()
    try:
        await wait_until(lambda: all(agent.known for agent in agents), "every agent's first report")
        await asyncio.sleep(2.0)  # the first rush is over
        asked_at, before = time.time(), cpu_by_part(base, running)
        wish = {"reason": "bench", "hold_s": 0, "canary": False}
        plan = await call(address, "POST", "/api/v1/cleanup/emergency", ops, wish)
        if kills:
            # In a thread: the loop is so busy with the agents that it would kill when all is over.
            await asyncio.to_thread(kill_half_way, running, worker, by_socket or by_rest)
            await asyncio.sleep(0.5)
            running.start_worker()
        await wait_until(lambda: all(agent.acknowledged_at for agent in agents), "every outcome")
        cpu = {part: round(spent - before[part], 1) for part, spent in cpu_by_part(base, running).items()}
        shown = await _until_settled(address, ops, plan["id"])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return figures(base, shown, by_socket, by_rest, asked_at=asked_at) | {"cpu_s": cpu}


def cpu_by_part(base: Database, running: House) -> dict[str, float]:
    """Processor time so far: the agents simulated here take a good part of the machine that they measure."""
    return {"agents": time.process_time(), "web": cpu_s(running.web_pids), "database": base.cpu_s()}


async def _until_settled(address: str, key: str, plan_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            shown = await call(address, "GET", f"/api/v1/cleanup/plans/{plan_id}", key)
        except OSError:
            shown = {"state": "unknown"}
        if shown["state"] not in {"held", "running", "unknown"} or time.monotonic() > deadline:
            return shown
        await asyncio.sleep(0.3)


def figures(
    base: Database, shown: dict[str, Any], by_socket: list[Agent], by_rest: list[Agent], *, asked_at: float
) -> dict[str, Any]:
    """What the run came to. Times are from the moment at which the orders were released."""
    agents = by_socket + by_rest
    with psycopg.connect(base.url) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM min(expires_at))::float8 - 300, count(*) FILTER (WHERE state <> 'done'), "
            "coalesce(sum(cardinality(closed)), 0) FROM cleanup_order"
        ).fetchone()
    assert row
    released_at, unfinished, closed = float(row[0]), int(row[1]), int(row[2])
    sockets = sorted(agent.acknowledged_at - released_at for agent in by_socket)
    rests = sorted(agent.acknowledged_at - released_at for agent in by_rest)
    told = shown["progress"]
    really = sum(sum(agent.closed.values()) for agent in agents)
    return {
        "agents": len(agents),
        "state": shown["state"],
        "release_after_request_s": round(released_at - asked_at, 2),
        "ws_last_ack_p99_s": round(sockets[int(len(sockets) * 0.99) - 1], 2) if sockets else None,
        "ws_last_ack_s": round(sockets[-1], 2) if sockets else None,
        "rest_last_ack_s": round(rests[-1], 2) if rests else None,
        "closed": closed,
        "expected_closed": len(agents) * (IN_SCOPE - 1),
        "refused_changed": told["changed"],
        "expected_refused": len(agents),
        "healthy_killed": sum(ESSENTIAL not in agent.live or CHANGED not in agent.live for agent in agents),
        "executed_twice": sum(
            count > 1 for agent in agents for count in (*agent.executed.values(), *agent.closed.values())
        ),
        "delivered_again": sum(count > 1 for agent in agents for count in agent.received.values()),
        "lost": unfinished + abs(really - closed),
    }


def measure(*, sockets: int, rest: int, kills: bool) -> dict[str, Any]:
    """One run on a fresh database."""
    with (
        database(connections=0) as base,
        web(base, processes=WEB_PROCESSES) as (address, pids),
        house(base, pids) as running,
    ):
        _forget_servers(base)
        found = asyncio.run(run(base, running, address, sockets=sockets, rest=rest, kills=kills))
    print(f"{sockets:,} sockets, {rest:,} on REST{', killed half-way' if kills else ''}: {found}", flush=True)
    return found


def _forget_servers(base: Database) -> None:
    """The servers that bench.ingest fills in are not part of this."""
    with psycopg.connect(base.url, autocommit=True) as connection:
        connection.execute("DELETE FROM registry_serverstate")
        connection.execute("DELETE FROM registry_gameserver")


def allow_many_sockets() -> None:
    """As many open files as this user may have, here and in what is started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    allow_many_sockets()
    sockets, rest = (1_000, 1_000) if arguments.full else (arguments.sockets, arguments.rest)
    runs = [measure(sockets=sockets, rest=rest, kills=False), measure(sockets=sockets, rest=rest, kills=True)]
    result = {**runs[0], "killed_half_way": runs[1]}
    if arguments.full:
        runs.append(measure(sockets=10_000, rest=0, kills=False))
        result |= {"ten_thousand_last_ack_s": runs[2]["ws_last_ack_s"], "ten_thousand": runs[2]}
    for name in ("healthy_killed", "executed_twice", "lost"):  # of all runs together
        result[name] = sum(run[name] for run in runs)
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
