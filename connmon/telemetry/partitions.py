"""Partitions of the history tables: made ahead, dropped whole. Each table has one for each step, and those by time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, LiteralString

from django.db import OperationalError, connection, transaction
from psycopg.sql import SQL, Composed, Identifier, Literal

from connmon.telemetry.resolutions import PARTITION_SPANS, floor
from connmon.telemetry.tables import PARTITIONED

MAKING: Final = 0x68697374  # advisory lock: two workers that miss the same partition make it one after the other
LOCK_TIMEOUT: Final[LiteralString] = "SET LOCAL lock_timeout = '2s'"
NO_LIMIT: Final[LiteralString] = "SET LOCAL lock_timeout = 0"

# Bounds are read from the catalogue, not reckoned from names: spans may differ between versions.
BOUNDS: Final[LiteralString] = """
    SELECT parent.relname, child.relname, bounds.found[1]::timestamptz, bounds.found[2]::timestamptz
    FROM pg_inherits link
         JOIN pg_class parent ON parent.oid = link.inhparent
         JOIN pg_class child ON child.oid = link.inhrelid,
         LATERAL (SELECT regexp_match(pg_get_expr(child.relpartbound, child.oid),
                                      'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') AS found) AS bounds
    WHERE parent.relname = ANY(%s) AND parent.relnamespace = current_schema()::regnamespace
          AND bounds.found IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: rows with `since` ≤ at < `until`. `parent` holds one step of one table."""

    parent: str
    name: str
    since: datetime
    until: datetime


def ensure_partitions(step: int, moment: datetime, *, ahead: int = 0) -> None:
    """Makes what is missing for rows of `step` at `moment`, and for so many spans ahead."""
    parents = [parent_name(table, step) for table, steps in PARTITIONED if step in steps]
    begin = floor(moment, int(PARTITION_SPANS[step].total_seconds()))
    moments = [begin + PARTITION_SPANS[step] * index for index in range(ahead + 1)]
    moments[0] = moment.astimezone(UTC)
    if not _missing(parents, moments):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MAKING])
        for parent, at in _missing(parents, moments):
            for statement in _creation(parent, _around(at, step, list_partitions([parent]))):
                cursor.execute(statement)


def drop_partitions(step: int, *, before: datetime) -> list[str]:
    """Drops partitions of `step` that end at or before `before`; their names. One that is being read stays for now."""
    parents = [parent_name(table, step) for table, steps in PARTITIONED if step in steps]
    return [one.name for one in list_partitions(parents) if one.until <= before and _drop(one)]


def list_partitions(parents: Iterable[str]) -> list[Partition]:
    """The partitions by time of these parents."""
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS, [list(parents)])
        return [Partition(*row) for row in cursor.fetchall()]


def parent_name(table: str, step: int) -> str:
    """The partition of `table` that holds one step, itself partitioned by time."""
    return f"{table}_{step}"


def _missing(parents: list[str], moments: list[datetime]) -> list[tuple[str, datetime]]:
    there = list_partitions(parents)
    return [
        (parent, at)
        for parent in parents
        for at in moments
        if not any(one.parent == parent and one.since <= at < one.until for one in there)
    ]


def _around(at: datetime, step: int, there: list[Partition]) -> tuple[datetime, datetime]:
    """The span around `at`, cut where a neighbour with other bounds begins or ends."""
    span = PARTITION_SPANS[step]
    since = floor(at, int(span.total_seconds()))
    until = since + span
    since = max([since, *(one.until for one in there if since < one.until <= at)])
    until = min([until, *(one.since for one in there if at < one.since < until)])
    return since, until


def _creation(parent: str, span: tuple[datetime, datetime]) -> list[Composed]:
    """Made beside the table and attached: creating it in place would lock out readers.

    Vacuum has nothing to do where nothing is updated and all is dropped; full pages need no room for updates.
    """
    since, until = span
    name = Identifier(f"{parent}_{since:%Y%m%d%H%M}")
    create = SQL(
        "CREATE TABLE {} (LIKE {} INCLUDING ALL) "
        "WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1)"
    )
    attach = SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
    return [
        create.format(name, Identifier(parent)),
        attach.format(Identifier(parent), name, Literal(since.isoformat()), Literal(until.isoformat())),
    ]


def _drop(partition: Partition) -> bool:
    """Whether it went. Waiting long for its lock would hold up everyone who comes after us."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK_TIMEOUT)
            cursor.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(partition.name)))
            cursor.execute(NO_LIMIT)
    except OperationalError:
        return False
    return True
