"""`python -m bench.history.measure`: on the database that the environment names. Prints one JSON line.

A process of its own, since Django is set up for one database only.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final, LiteralString

import django

django.setup()

from django.conf import settings  # noqa: E402  (these need Django to be set up)
from django.db import connection  # noqa: E402

from bench.history.fill import GAMES, MOVING, Size, execute, fill, move  # noqa: E402
from connmon.registry.models import GameServer, Service  # noqa: E402
from connmon.telemetry import actions  # noqa: E402
from connmon.telemetry.measures import Split  # noqa: E402
from connmon.telemetry.models import GameSample  # noqa: E402
from connmon.telemetry.partitions import drop_partitions, ensure_partitions  # noqa: E402
from connmon.telemetry.queries import Span, series  # noqa: E402
from connmon.telemetry.resolutions import STEPS, TICK, floor  # noqa: E402
from connmon.telemetry.server_queries import server_series  # noqa: E402
from connmon.telemetry.tables import FLEET, SERVERS  # noqa: E402

TICKS: Final = 12  # two minutes
REPEATS: Final = 7
START: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

BYTES: Final[LiteralString] = """
    SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint FROM pg_partition_tree(%(name)s) WHERE isleaf
"""
SAMPLES: Final[LiteralString] = """
    SELECT count(*), coalesce(sum(cardinality(services)), 0) FROM telemetry_serversample WHERE step = %(step)s
"""
# History of the fleet as months of rollups leave it: what was made really, at other times, a little different.
OLDER: Final[LiteralString] = """
    INSERT INTO {table} ({columns})
    SELECT {values} FROM {table} s, generate_series(%(since)s, %(until)s, make_interval(secs => %(step)s)) AS moment
    WHERE s.step = 60 AND s.at = %(source)s
"""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what `work` returned."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def measure_ticks() -> dict[str, Any]:
    """Ticks ten seconds apart, each after a checkpoint's worth of changed reports; then their rollup."""
    ensure_partitions(TICK, START, ahead=1)
    seconds = []
    for tick in range(TICKS):
        move(tick)
        spent, made = timed(lambda now=START + timedelta(seconds=10 * tick): actions.make_samples(now=now))  # type: ignore[misc]
        assert made, "a tick made nothing"
        seconds.append(spent)
    rolled = [timed(lambda: actions.roll_up(now=START + timedelta(minutes=3))) for _ in range(TICKS // 6)]
    assert all(was_due for _, was_due in rolled)
    # The first tick has none to be compared with, and is cheaper.
    return {
        "tick_s": round(median(seconds[1:]), 3),
        "tick_worst_s": round(max(seconds), 3),
        "rollup_s": round(median(spent for spent, _ in rolled), 3),
    }


def measure_bytes() -> dict[str, Any]:
    """Bytes on disk, with indexes and what the fleet's rows take, for one service of one server at one moment."""
    found: dict[str, Any] = {}
    for step, name in ((10, "bytes_per_sample"), (60, "bytes_per_rolled_sample")):
        rows, samples = _row(SAMPLES, step=step)
        packed = _row(BYTES, name=f"{SERVERS}_{step}")[0]
        fleet = sum(_row(BYTES, name=f"{table.name}_{step}")[0] for table in FLEET if step >= table.finest)
        found[name] = round((packed + fleet) / samples, 2)
        found[f"{name}_of_fleet"] = round(fleet / samples, 3)
        assert rows, "no rows"
    return found


def fill_months() -> None:
    """Thirty-one days of the fleet's rollups, at the resolutions and for the times that they are kept."""
    source = START
    for step in STEPS[1:]:
        until = floor(START, step)
        since = until - min(settings.HISTORY_KEEP[step], timedelta(days=31))
        moment = since
        while moment < until:
            ensure_partitions(step, moment)
            moment += timedelta(hours=6)
        for table in FLEET[:3]:
            _fill_older(table.name, step, since, until - timedelta(seconds=step), source)
        execute(
            "INSERT INTO telemetry_tick (kind, step, at, took) SELECT 'state', %(step)s, moment, 0 "
            "FROM generate_series(%(since)s, %(until)s, make_interval(secs => %(step)s)) moment ON CONFLICT DO NOTHING",
            step=step,
            since=since,
            until=until - timedelta(seconds=step),
        )
    execute("ANALYZE telemetry_gamesample")
    execute("ANALYZE telemetry_servicesample")


def _fill_older(table: str, step: int, since: datetime, until: datetime, source: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table])
        columns = [name for (name,) in cursor.fetchall()]
        told = {"step": str(step), "at": "moment", "live": "live + extract(hour FROM moment)::int"}
        statement = OLDER.format(
            table=table, columns=", ".join(columns), values=", ".join(told.get(name, f"s.{name}") for name in columns)
        )
        cursor.execute(statement, {"since": since, "until": until, "step": step, "source": source})


def measure_ranges() -> dict[str, Any]:
    """Charts as pages ask for them, medians in milliseconds, answers checked to have points."""
    game = GameSample.objects.values_list("game_id", flat=True).order_by("game_id")[0]
    service = Service.objects.filter(game_id=game).values_list("id", flat=True)[0]
    server = GameServer.objects.filter(game_id=game).values_list("name", flat=True)[0]
    now = START + timedelta(seconds=10 * TICKS)
    month, hour = (Span(now - length, now, now) for length in (timedelta(days=30), timedelta(hours=1)))
    asked: dict[str, Callable[[], Any]] = {
        "range_30d_ms": lambda: series(game, "live", span=month),
        "range_30d_by_service_ms": lambda: series(game, "live", span=month, split=Split.SERVICE),
        "range_30d_of_service_ms": lambda: series(game, "opened_rate", span=month, service_id=service),
        "range_1h_ms": lambda: series(game, "live", span=hour),
        "range_1h_by_service_ms": lambda: series(game, "live", span=hour, split=Split.SERVICE),
        "range_1h_of_server_ms": lambda: server_series(game, "live", server=server, span=hour),
        "range_1h_of_server_by_service_ms": lambda: server_series(
            game, "live", server=server, span=hour, split=Split.SERVICE
        ),
    }
    found: dict[str, Any] = {}
    for name, ask in asked.items():
        chart = ask()
        points = sum(value is not None for line in chart.lines for value in line.values)
        assert points >= (300 if "30d" in name else 10), f"{name} drew {points} points"
        found[name] = round(1e3 * median(timed(ask)[0] for _ in range(REPEATS)), 1)
    return found


def fill_hour() -> None:
    """An hour of the fleet's ticks before START, so that charts of an hour have their 360 points."""
    for back in (30, 60):
        ensure_partitions(TICK, START - timedelta(minutes=back))
    for table in FLEET[:3]:
        _fill_older(table.name, TICK, START - timedelta(hours=1), START - timedelta(seconds=TICK), START)
    execute(
        "INSERT INTO telemetry_tick (kind, step, at, took) SELECT 'state', 10, moment, 0 "
        "FROM generate_series(%(since)s, %(until)s, interval '10 s') moment ON CONFLICT DO NOTHING",
        since=START - timedelta(hours=1),
        until=START - timedelta(seconds=TICK),
    )


def measure_retention() -> dict[str, Any]:
    """Dropping the partition with all ticks, beside deleting as many rows of it."""
    before = _row(BYTES, name=f"{SERVERS}_{TICK}")[0]
    delete_s = timed(
        lambda: execute("DELETE FROM telemetry_serversample WHERE step = 10 AND at < %(at)s",
                        at=START + timedelta(seconds=10 * (TICKS // 2)))
    )[0]  # fmt: skip
    drop_s, dropped = timed(lambda: drop_partitions(TICK, before=START + timedelta(hours=1)))
    assert dropped
    assert _row(BYTES, name=f"{SERVERS}_{TICK}")[0] < before / 10
    return {
        "retention_drop_s": round(drop_s, 3),
        "retention_dropped_mb": round(before / 1e6, 1),
        "deleting_half_of_it_s": round(delete_s, 3),
    }


def _row(statement: LiteralString, **values: Any) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, required=True)
    parser.add_argument("--services", type=int, required=True)
    parser.add_argument("--ticks-only", action="store_true", help="ticks, their rollup and bytes")
    arguments = parser.parse_args()
    size = Size(arguments.series, arguments.services)
    fill(size, now=START)
    figures: dict[str, Any] = {
        "series": size.series,
        "servers": size.servers,
        "services_a_server": size.services,
        "games": GAMES,
        "moving_servers": MOVING,
    }
    figures |= measure_ticks() | measure_bytes()
    if not arguments.ticks_only:
        fill_hour()
        fill_months()
        figures |= measure_ranges() | measure_retention()
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
