"""Whole tables for files: every row that a page's filters find, read in batches from a cursor in the database."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection
from msgspec import Struct

from connmon.cleanup.queries import list_plans
from connmon.leaks.queries import list_leaks
from dashboard.queries.cleanup import PlansQuery
from dashboard.queries.leaks import LeaksQuery
from dashboard.queries.pools import PoolsQuery, ServerPoolRow, server_pools_sql
from dashboard.queries.registry import RegistryQuery, RegistryRow, registry_sql
from dashboard.queries.servers import ServerRow, ServersQuery, servers_sql
from dashboard.queries.services import SERVICES, ServiceRow

BATCH: Final = 2_000  # rows in memory at a time
ALL: Final = 2**31 - 1  # a limit that is none

Cells = Sequence[object]


class Export(Struct, frozen=True):
    """A table to be written to a file: its columns, and its rows in batches, read as they are taken."""

    name: str
    columns: Sequence[str]
    batches: Iterator[list[Cells]]


def services(game_id: int, *, now: datetime) -> Export:
    columns = ("id", "name", "servers", "live", "idle", "orphaned", "stale", "unknown")
    parameters = {"game": game_id, "now": now, "limit": ALL}
    return Export("services", columns, _read(SERVICES, parameters, _fields(ServiceRow, columns)))


def servers(game_id: int, query: ServersQuery, *, now: datetime) -> Export:
    sql, parameters = servers_sql(game_id, query, now=now)
    columns = ServerRow.__struct_fields__
    return Export("servers", columns, _read(sql, parameters, _fields(ServerRow, columns)))


def registry(game_id: int, query: RegistryQuery, *, now: datetime) -> Export:
    sql, parameters = registry_sql(game_id, query, now=now)
    columns = (
        "server_id", "server", "service", "connection_id", "state", "opened_at", "owner_kind", "owner", "name", "type",
        "site", "essential",
    )  # fmt: skip
    return Export("registry", columns, _read(sql, parameters, _fields(RegistryRow, columns)))


def pools(game_id: int, query: PoolsQuery, *, now: datetime) -> Export:
    sql, parameters = server_pools_sql(game_id, query, now=now)
    columns = ServerPoolRow.__struct_fields__
    return Export("pools", columns, _read(sql, parameters, _fields(ServerPoolRow, columns)))


def leaks(game_id: int, query: LeaksQuery) -> Export:
    fields = {
        "id": "pk", "rung": "rung", "state": "state", "service": "origin__service__name", "type": "origin__type",
        "site": "origin__site", "count": "count", "since_version": "since_version", "fixed_in": "fixed_in",
        "last_seen_at": "last_seen_at", "assignee": "assignee__email", "summary": "summary",
    }  # fmt: skip
    found = list_leaks(game_id, rung=query.rung or "", state=query.state or "", service=query.service)
    rows = found.values_list(*fields.values()).iterator(chunk_size=BATCH)
    return Export("leaks", tuple(fields), _in_batches(rows))


def plans(game_id: int, query: PlansQuery) -> Export:
    columns = (
        "id", "state", "origin", "created_at", "created_by", "executed_by", "planned", "ordered", "servers", "reason",
        "detail",
    )  # fmt: skip
    found = list_plans(game_id, state=query.state or "", origin=query.origin or "")
    return Export("plans", columns, _in_batches(found.values_list(*columns).iterator(chunk_size=BATCH)))


def _fields(kind: Callable[..., object], columns: Sequence[str]) -> Callable[[Cells], Cells]:
    """From a statement's row to the cells of the file."""

    def pick(row: Cells) -> Cells:
        shown = kind(*row)
        return [getattr(shown, column) for column in columns]

    return pick


def _read(sql: str, parameters: dict[str, Any], pick: Callable[[Cells], Cells]) -> Iterator[list[Cells]]:
    # A cursor in the database: neither it nor we hold the table, however long it is. It outlives its transaction, so
    # that a slow reader keeps none open.
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(BATCH):
            yield [pick(row) for row in rows]


def _in_batches(rows: Iterator[Cells]) -> Iterator[list[Cells]]:
    batch: list[Cells] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
