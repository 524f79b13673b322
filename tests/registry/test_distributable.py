"""The schema can be spread over machines: tables of servers by a hash of the server's key, history by time.

PostgreSQL is asked itself: a table that is partitioned must hold the partitioning column in each of its unique keys,
and whatever spreads tables over machines asks for the same.
"""

from typing import Final

import pytest
from django.db import NotSupportedError, connection, transaction

SERVER_TABLES: Final = """
    SELECT c.relname, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND (a.attname = 'server_id' OR (c.relname, a.attname) = ('registry_gameserver', 'id'))
"""
TIMED_TABLES: Final = """
    SELECT c.relname, a.attname
    FROM pg_class c
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND a.atttypid = 'timestamptz'::regtype
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
FOREIGN_KEYS: Final = """
    SELECT conrelid::regclass::text, confrelid::regclass::text
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conparentid = 0
"""
RANGES: Final = """
    SELECT c.relname, pg_get_partkeydef(c.oid)
    FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
    WHERE h.inhparent = %s::regclass
"""

# Tables that name a server and stay in one place, and why that does. Each is as large as what people ask for, and none
# grows with reports, connections, or servers that come and go.
IN_ONE_PLACE: Final = {
    "cleanup_order": "belongs to its plan, whose orders are released, counted and ended together; named by its id",
    "registry_orderoutcome": "one for each order, settled in the order in which all came, kept a week",
}
# Tables that are copied to every machine, so that tables of servers may refer to them.
EVERYWHERE: Final = {"accounts_game"}
# Tables with a moment in their key that are not partitioned by time, and why.
NOT_BY_TIME: Final = {
    "telemetry_tick": "one row for each sample of all servers together",
    "leaks_tick": "six hours of each server, spread with the servers",
    "leaks_tidiness": "three rows an hour for each game",
    "registry_serverevent": "a few for each boot of a server, spread with the servers",
}


def rows(query: str, *values: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return [(str(table), str(other)) for table, other in cursor.fetchall()]


def can_be_partitioned(table: str, method: str, column: str) -> bool:
    """Whether PostgreSQL takes a copy of the table, with all its keys, that is partitioned so."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE copy (LIKE {table} INCLUDING ALL) PARTITION BY {method} ({column})")
            cursor.execute("DROP TABLE copy")
    except NotSupportedError:
        return False
    return True


pytestmark = pytest.mark.django_db


def test_every_table_of_servers_can_be_spread_by_the_servers_key() -> None:
    tables = dict(rows(SERVER_TABLES))
    assert {"registry_connection", "registry_serverstate", "registry_gameserver", "telemetry_serversample"} <= set(
        tables
    )
    kept = {table for table, column in tables.items() if not can_be_partitioned(table, "HASH", column)}
    assert kept == set(IN_ONE_PLACE)


def test_tables_of_servers_refer_only_to_what_every_machine_has() -> None:
    spread = dict(rows(SERVER_TABLES)).keys() - IN_ONE_PLACE.keys()
    targets = {target for table, target in rows(FOREIGN_KEYS) if table in spread}
    assert targets == EVERYWHERE


def test_nothing_refers_to_a_table_of_servers() -> None:
    spread = dict(rows(SERVER_TABLES)).keys() - IN_ONE_PLACE.keys()
    assert [(table, target) for table, target in rows(FOREIGN_KEYS) if target in spread] == []


def test_every_table_of_history_is_partitioned_by_time() -> None:
    tables = dict(rows(TIMED_TABLES))
    assert "telemetry_serversample" in tables
    by_time = {table for table in tables if is_by_time(table)}
    assert tables.keys() - by_time == set(NOT_BY_TIME)


def is_by_time(table: str) -> bool:
    """Whether each resolution of the table is a range of moments."""
    steps = rows(RANGES, table)
    return bool(steps) and all(key == "RANGE (at)" for _, key in steps)


@pytest.mark.parametrize(
    ("make", "spread"),
    [
        ("id bigint PRIMARY KEY, server_id bigint", False),
        ("server_id bigint, id bigint, PRIMARY KEY (server_id, id)", True),
        ("server_id bigint PRIMARY KEY, name text UNIQUE", False),
    ],
)
def test_a_unique_key_without_the_server_is_seen(make: str, *, spread: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE probe ({make})")
    assert can_be_partitioned("probe", "HASH", "server_id") is spread
