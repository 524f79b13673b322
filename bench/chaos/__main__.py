"""`python -m bench.chaos`: prints one JSON object as its last line; ends with 1 if anything was lost or broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg

from bench.chaos.browsers import SlowReaders
from bench.chaos.crowd import PROXIED, Crowd, Mischief
from bench.chaos.faults import SHORT, WHOLE, Faults, Scale, make_schedule, target_of
from bench.chaos.house import HOST, House, house
from bench.chaos.proxy import Proxy, proxy
from bench.chaos.verdict import Findings, alarms, compare_positions, judge, unfinished
from bench.chaos.watch import Watch
from bench.cleanup.__main__ import allow_many_sockets
from bench.peers.run import machine

WARM_UP: Final = 8.0  # seconds from the first report to the first fault
READY_LIMIT: Final = 30.0  # seconds
SETTLE_PATIENCE: Final = 90.0  # seconds for the last reports
FINISH_PATIENCE: Final = 330.0  # seconds for connmon's own work; orders live for 300
ALARM_HOLD: Final = 20  # seconds of silence until the alarm; connmon's default is 60, so this is the harder test

SET_ALARM: Final = "UPDATE alerts_rule SET hold_seconds = %s WHERE kind = 'server_lost'"


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="each fault once, within two minutes")
    parser.add_argument("--seed", type=int, default=None, help="the seed of an earlier run, to have its faults again")
    parser.add_argument(
        "--hold", type=int, default=ALARM_HOLD, help=f"seconds of silence until the alarm ({ALARM_HOLD})"
    )
    parser.add_argument("--log", default="", help="where to copy connmon's own output to")
    return parser.parse_args()


def say(words: str) -> None:
    """A line for whoever watches."""
    print(words, flush=True)


async def run(home: House, scale: Scale, seed: int, *, hold: int) -> dict[str, Any]:
    """The whole proof; its figures."""
    chance = random.Random(seed)
    schedule = make_schedule(scale, random.Random(seed), own_disk=home.on_own_disk)
    people = await asyncio.to_thread(home.add_people)
    game, keys = people["games"]["chaos"], people["keys"]
    crowd = Crowd(chance, mischief=Mischief())
    async with proxy(HOST, home.port, chance) as bad_network:
        for number in range(scale.servers):
            port = home.port if number % PROXIED else bad_network.port
            crowd.add(f"server-{number}", target_of(port, keys["chaos"]), socket=number % 2 == 0)
        watch = Watch(home, crowd, game)
        faults = Faults(home, watch.readiness, chance, scale, people["ops"], target_of(home.port, keys["storm"]))
        crowd.start(spread=4.0)
        watch.start()
        await asyncio.sleep(WARM_UP)
        await asyncio.to_thread(_set_alarm, home, hold)
        readers = SlowReaders(home.port, people["cookie"], "chaos", scale.slow_readers)
        began, acked = time.monotonic(), crowd.ledger.acked
        keeper = asyncio.create_task(_keep_running(home))
        try:
            await faults.run(schedule, say)
            rate = (crowd.ledger.acked - acked) / (time.monotonic() - began)
            settled = await _settle(home, crowd, bad_network, watch)
            found = await asyncio.to_thread(judge, home.database_url, _servers(crowd), crowd.ledger, game)
            await asyncio.to_thread(_judge_storm, home, faults, people["games"]["storm"], found)
            fired = await asyncio.to_thread(alarms, home.database_url)
        finally:
            keeper.cancel()
            await readers.stop()
            watch.stop()
            await crowd.stop()
    found.lost += len(watch.audit.behind)
    for key in watch.audit.behind:
        found.tell(f"{key}: less was committed at times than had been acknowledged")
    false = [words for kind, words in fired if kind == "server_lost"]
    return {
        "faults": faults.done.total() + sum(crowd_mischief(crowd, bad_network).values()),
        "acked": crowd.ledger.acked,
        "lost": found.lost,
        "executed_twice": found.executed_twice,
        "registry_mismatch": found.mismatches,
        "false_alarms": len(false),
        "reports_per_s": round(rate),
        "slow_readers_opened": readers.opened,
        "supervisor_gave_up": home.gave_up,
        "mischief": crowd_mischief(crowd, bad_network),
        "alarms": sorted({kind for kind, _ in fired}),
        "findings": found.words + false,
        **_watched(watch),
        **_told(crowd),
        **_struck(faults),
        **settled,
    }


def _watched(watch: Watch) -> dict[str, Any]:
    """How connmon looked from outside meanwhile."""
    return {
        "ready_max_s": round(watch.readiness.longest, 1),
        "ready_max_after": watch.readiness.longest_after,
        "outages": watch.readiness.outages,
        "audits": watch.audit.looks,
    }


def _told(crowd: Crowd) -> dict[str, Any]:
    """What the agents were answered."""
    ledger = crowd.ledger
    return {
        "strange_answers": dict(ledger.strange),
        "refusals": dict(ledger.refusals),
        "connection_failures": dict(crowd.failures),
        "longest_without_any_ack_s": round(crowd.longest_gap, 1),
        "orders_executed": len(ledger.outcomes),
        "orders_delivered_again": ledger.again,
    }


def _struck(faults: Faults) -> dict[str, Any]:
    """Which faults there were, and what they met."""
    return {"struck": dict(faults.done), "lock_timeouts": faults.lock_timeouts, **faults.notes}


async def _keep_running(home: House) -> None:
    """What a service manager does: starts a supervisor again that has ended by itself."""
    while True:
        await asyncio.sleep(1)
        if home.keep_running():
            say("the supervisor had ended by itself; started again")


def crowd_mischief(crowd: Crowd, bad_network: Proxy) -> dict[str, int]:
    """What agents and network did to reports."""
    return {**crowd.done, **bad_network.done}


def _servers(crowd: Crowd) -> list[Any]:
    return [member.server for member in crowd.members]


def _set_alarm(home: House, hold: int) -> None:
    """The rules of a game are made when its first server has reported; beat looks every ten seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with psycopg.connect(home.database_url, autocommit=True) as connection:
            if connection.execute(SET_ALARM, [hold]).rowcount:
                return
        time.sleep(0.5)
    raise TimeoutError("no alert rules were made")


async def _settle(home: House, crowd: Crowd, bad_network: Proxy, watch: Watch) -> dict[str, Any]:
    """No faults any more: everything comes to rest."""
    say("no more faults; waiting until everything is at rest")
    bad_network.bad = False
    began = time.monotonic()
    await _until(lambda: watch.readiness.unready_since is None, SETTLE_PATIENCE, "connmon to be ready")
    crowd.settle()
    await _until(lambda: not crowd.unsettled, SETTLE_PATIENCE, "the last reports")
    left = await _finish(home)
    await _until(lambda: not crowd.unsettled, SETTLE_PATIENCE, "the outcomes of the last orders")
    await asyncio.wait_for(crowd.halt(), SETTLE_PATIENCE)
    return {"settle_s": round(time.monotonic() - began, 1), "unfinished": left}


async def _finish(home: House) -> int:
    """Waits until connmon has no work left; how much it has after all."""
    deadline = time.monotonic() + FINISH_PATIENCE
    while (left := await asyncio.to_thread(unfinished, home.database_url)) and time.monotonic() < deadline:
        await asyncio.sleep(1)
    return left


async def _until(condition: Callable[[], bool], patience: float, what: str) -> None:
    """Waits, but not for ever: what is missing after that the verdict finds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            say(f"waited {patience:.0f} s for {what}")
            return
        await asyncio.sleep(0.2)


def _judge_storm(home: House, faults: Faults, game_id: int, found: Findings) -> None:
    """All of the storm's servers have said farewell: acknowledged to the end, ended, nothing left of them."""
    assert faults.storm_crowd
    with psycopg.connect(home.database_url) as connection:
        rows = connection.execute(
            "SELECT s.server_id, s.last_seq, s.last_digest FROM registry_serverstate s WHERE s.game_id = %s", [game_id]
        ).fetchall()
        row = connection.execute(
            "SELECT count(*) FROM registry_gameserver g WHERE g.game_id = %s AND (g.ended_at IS NULL OR EXISTS "
            "(SELECT FROM registry_connection c WHERE c.server_id = g.id))",
            [game_id],
        ).fetchone()
    assert row
    compare_positions(faults.storm_crowd.ledger, set(), {one[0]: (one[1], one[2]) for one in rows}, game_id, found)
    if row[0]:
        found.mismatches += row[0]
        found.tell(f"{row[0]} servers of the storm said farewell and are still there")


def is_good(figures: dict[str, Any]) -> bool:
    """Whether connmon held what it promises."""
    zero = ("lost", "executed_twice", "registry_mismatch", "false_alarms", "orphans", "unfinished", "strange_answers")
    return figures["ready_max_s"] <= READY_LIMIT and not any(figures[name] for name in zero)


def main() -> int:
    """Run and print."""
    arguments = parse_arguments()
    allow_many_sockets()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    scale = SHORT if arguments.short else WHOLE
    began = time.monotonic()
    say(f"seed {seed}")
    with house(disk_mb=scale.disk_mb) as home:
        try:
            if not home.on_own_disk:
                say("mount is not allowed here: the disk will not be full")
            figures = asyncio.run(run(home, scale, seed, hold=arguments.hold))
            figures["orphans"] = len(orphans := home.stop())
            figures["findings"] += orphans
        finally:
            if arguments.log:
                shutil.copy(home.log, arguments.log)
    figures |= {"good": is_good(figures), "seed": seed, "took_s": round(time.monotonic() - began)}
    for words in figures.pop("findings"):
        say(f"finding: {words}")
    print(json.dumps({**figures, "machine": machine()}))
    return 0 if figures["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
