"""Who makes a moment's samples: whoever inserts the moment's row. The row is in the transaction of the samples.

Of one kind and step only one moment is made at a time: where a tick takes longer than the time until the next, two at
once would take longer still, and soon keep every worker busy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from connmon.telemetry.models import TickKind
from connmon.telemetry.resolutions import STEPS
from connmon.telemetry.tables import PARTITIONED

LATEST: Final = timedelta(seconds=60)  # how far back a tick may lie that a tick is compared with

# The second of two waits here for the first, and finds the row; if the first failed it makes the samples itself.
TAKE: Final[LiteralString] = """
    INSERT INTO telemetry_tick (kind, step, at, began_at, took)
    VALUES (%(kind)s, %(step)s, %(at)s, clock_timestamp(), 0)
    ON CONFLICT DO NOTHING
"""
# Held to the end of the transaction.
ALONE: Final[LiteralString] = "SELECT pg_try_advisory_xact_lock(hashtext('connmon.history ' || %(kind)s), %(step)s)"
# A clock that leapt ahead and came back, or a worker whose clock is behind: what was rolled up too early is undone, and
# rolled up again when its time is over.
REOPEN: Final[LiteralString] = """
    DELETE FROM telemetry_tick WHERE kind = 'state' AND step = ANY(%(coarser)s)
    AND at <= %(at)s AND at + make_interval(secs => step) > %(at)s
    RETURNING step, at
"""
FINISH: Final[LiteralString] = """
    UPDATE telemetry_tick SET took = extract(epoch FROM clock_timestamp() - began_at)
    WHERE kind = %(kind)s AND step = %(step)s AND at = %(at)s
"""
BEFORE: Final[LiteralString] = """
    SELECT max(at) FROM telemetry_tick WHERE kind = 'state' AND step = %(step)s AND at < %(at)s AND at >= %(least)s
"""
ROLLED: Final[LiteralString] = """
    SELECT step, max(at) + make_interval(secs => step) FROM telemetry_tick
    WHERE kind = 'state' AND step = ANY(%(steps)s) AND at < %(now)s GROUP BY step
"""
# Memory for grouping hundreds of thousands of series without going to disk; taken only as far as it is needed.
# The statistics never know the newest moment, so the planner expects a single row there and joins thousands by nested
# loops: a tick of 10,000 servers then took 55 s in place of 1.
PLANNING: Final[LiteralString] = "SET LOCAL work_mem = '64MB'; SET LOCAL enable_nestloop = off"


@contextmanager
def taking(kind: TickKind, step: int, at: datetime) -> Iterator[bool]:
    """One transaction for a moment's samples; whether they are ours to make.

    Whoever comes second for the same moment waits, and makes them if the first fails. While another moment is made they
    are nobody's: a gap, or a rollup that is made later.
    """
    values: dict[str, Any] = {"kind": kind.value, "step": step, "at": at}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        ours = cursor.rowcount == 1 and _is_alone(kind, step)
        if ours:
            cursor.execute(PLANNING)
            _reopen(step, at)
        else:
            transaction.set_rollback(True)
        yield ours
        if ours:
            cursor.execute(FINISH, values)


def _is_alone(kind: TickKind, step: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(ALONE, {"kind": kind.value, "step": step})
        return bool(cursor.fetchone()[0])


def _reopen(step: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REOPEN, {"coarser": [one for one in STEPS if one > step], "at": at})
        for coarser, since in cursor.fetchall():
            for table, steps in PARTITIONED:
                if coarser in steps:
                    undo = SQL("DELETE FROM {} WHERE step = %s AND at = %s").format(Identifier(table))
                    cursor.execute(undo, [coarser, since])


def tick_before(at: datetime, *, step: int) -> datetime | None:
    """The last tick before, if it is not older than LATEST."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE, {"step": step, "at": at, "least": at - LATEST})
        before: datetime | None = cursor.fetchone()[0]
    return before


def rolled_until(*, now: datetime) -> dict[int, datetime]:
    """By step, up to when history is rolled up."""
    with connection.cursor() as cursor:
        cursor.execute(ROLLED, {"steps": list(STEPS[1:]), "now": now})
        return dict(cursor.fetchall())
