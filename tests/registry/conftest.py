"""What several tests of the registry look at the database with."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

AUDIT = """
    CREATE TABLE tests_taken (server_id bigint, seq bigint);
    CREATE FUNCTION tests_note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO tests_taken VALUES (NEW.server_id, NEW.last_seq); RETURN NULL; END $$;
    CREATE TRIGGER tests_note AFTER UPDATE ON registry_serverstate
        FOR EACH ROW WHEN (OLD.last_seq <> NEW.last_seq OR OLD.received_at <> NEW.received_at)
        EXECUTE FUNCTION tests_note();
"""
END_AUDIT = "DROP TRIGGER tests_note ON registry_serverstate; DROP FUNCTION tests_note; DROP TABLE tests_taken"

Taken = Callable[[], Counter[tuple[int, int]]]
Errors = Callable[[], list[str]]


@pytest.fixture
def taken(transactional_db: None) -> Iterator[Taken]:
    """How often each report, as (server, seq), was written and committed."""
    with connection.cursor() as cursor:
        cursor.execute(AUDIT)

    def read() -> Counter[tuple[int, int]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT server_id, seq FROM tests_taken")
            return Counter(cursor.fetchall())

    yield read
    with connection.cursor() as cursor:
        cursor.execute(END_AUDIT)


@pytest.fixture
def database_errors() -> Errors:
    """What PostgreSQL has logged as an error since the test began."""
    log = Path(os.environ["CONNMON_DATA"], "data", "postgres.log")
    begun = log.stat().st_size

    def read() -> list[str]:
        with log.open("rb") as lines:
            lines.seek(begun)
            return [line for line in lines.read().decode().splitlines() if "ERROR:" in line]

    return read
