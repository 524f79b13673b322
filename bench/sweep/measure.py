"""`python -m bench.sweep.measure`: one size, on the database that the environment names. Prints one JSON line.

A process of its own, since Django is set up for one database only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  (these need Django to be set up)
from django.utils import timezone  # noqa: E402

from connmon.accounts.audit import Actor  # noqa: E402
from connmon.accounts.models import Game  # noqa: E402
from connmon.cleanup import steps, sweep  # noqa: E402
from connmon.cleanup.models import Order, Plan  # noqa: E402
from connmon.registry.models import IngestPulse  # noqa: E402
from connmon.registry.sweep import mark_lost  # noqa: E402

STALE, LIVE = 2, 0  # places in registry/states.py
REPEATS = 5
BY = Actor.of_job("bench")


def execute(statement: str, *values: Any) -> int:
    """Runs one statement; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what `work` returned."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def prepare() -> Game:
    """All servers report, a web process listens, 1 % of the connections are stale."""
    now = timezone.now()
    execute("UPDATE registry_serverstate SET due_at = %s", now + timedelta(days=1))
    plant_stale()
    execute("VACUUM ANALYZE registry_connection")
    execute("CHECKPOINT")
    IngestPulse.objects.create(process="bench", started_at=now - timedelta(hours=1), seen_at=now + timedelta(hours=1))
    return Game.objects.get()


def plant_stale() -> None:
    """1 % of the connections are stale."""
    execute("UPDATE registry_connection SET state = %s WHERE connection_id %% 100 = 0", STALE)


def measure_lost(game: Game) -> list[float]:
    """Milliseconds to mark 1 % of the servers lost, each time anew."""
    found = []
    for _ in range(REPEATS):
        with undone():
            execute("UPDATE registry_serverstate SET due_at = %s WHERE server_id %% 100 = 0", timezone.now())
            seconds, (lost, _) = timed(lambda: mark_lost(game.pk, now=timezone.now()))
            assert lost, "no server was lost"
            found.append(seconds * 1e3)
    return found


def sweep_whole(game: Game) -> tuple[int, int]:
    """A sweep until its orders stand in their rows; connections found stale, and ordered."""
    found = sweep.sweep_game(game, by=BY, now=timezone.now())
    assert not found.skipped, found.skipped
    steps.step(now=timezone.now())
    plan = Plan.objects.filter(game=game).order_by("-id").first()
    return found.stale, plan.ordered if plan else 0


def compare(game: Game, *, after_checkpoint: bool) -> dict[str, float]:
    """A whole sweep beside the bare UPDATE of the same stale rows, committed; medians of REPEATS in turn.

    After a checkpoint every page that is written goes whole into the write-ahead log: that is how a sweep every five
    minutes finds the tables, and how an UPDATE in its place would.
    """
    sweeps, updates = [], []
    for _ in range(REPEATS):
        if after_checkpoint:
            execute("CHECKPOINT")
        sweeps.append(timed(lambda: sweep_whole(game))[0])
        Plan.objects.all().delete()
        if after_checkpoint:
            execute("CHECKPOINT")
        updates.append(timed(lambda: execute("UPDATE registry_connection SET state = 0 WHERE state = %s", STALE))[0])
        plant_stale()
        execute("VACUUM registry_connection")
    sweep_s, update_s = median(sweeps), median(updates)
    return {"sweep_s": round(sweep_s, 4), "update_s": round(update_s, 4), "limit_ratio": round(sweep_s / update_s, 2)}


def measure_nothing(game: Game) -> float:
    """Milliseconds of a sweep that finds nothing, the median of REPEATS."""
    execute("UPDATE registry_connection SET state = %s WHERE state = %s", LIVE, STALE)
    execute("VACUUM ANALYZE registry_connection")
    found = [timed(lambda: sweep.sweep_game(game, by=BY, now=timezone.now()))[0] for _ in range(REPEATS)]
    assert not Plan.objects.exists()
    return median(found) * 1e3


def sweep_for_ever(game: Game, *, pause: float) -> None:
    """Sweeps with pauses (seconds) while the load runs, for the seconds that its input says; prints how often."""
    count = found = 0
    plant_stale()
    execute("VACUUM ANALYZE registry_connection")
    print("ready", flush=True)
    deadline = time.monotonic() + float(sys.stdin.readline())
    while time.monotonic() < deadline:
        time.sleep(pause)
        found += sweep_whole(game)[1]
        Order.objects.all().delete()
        Plan.objects.all().delete()
        count += 1
    print(json.dumps({"sweeps": count, "ordered": found}), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweep-on", type=float, metavar="PAUSE", help="sweep while the load runs, with this pause")
    arguments = parser.parse_args()
    if arguments.sweep_on is not None:
        sweep_for_ever(Game.objects.get(), pause=arguments.sweep_on)
        return
    game = prepare()
    lost = measure_lost(game)
    stale, ordered = sweep_whole(game)
    Plan.objects.all().delete()
    figures: dict[str, Any] = {"lost_servers_ms": round(median(lost), 2), "stale": stale, "ordered": ordered}
    figures |= compare(game, after_checkpoint=True)
    figures["without_checkpoint"] = compare(game, after_checkpoint=False)
    figures["nothing_to_do_ms"] = round(measure_nothing(game), 2)
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
