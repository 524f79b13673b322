"""The upgrade from the first samples' tables: nothing of their three hours is lost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from connmon.telemetry.actions import make_samples
from connmon.telemetry.models import GameSample, ServiceSample, Tick
from connmon.telemetry.partitions import list_partitions
from tests.conftest import NOW, make_history_partitions
from tests.telemetry.worlds import put_state

BEFORE = [("telemetry", "0001_initial")]
AFTER = [("telemetry", "0003_partitions")]


def migrate(target: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(target)


@pytest.fixture
def old_tables(transactional_db: None) -> Iterator[None]:
    """The tables as the first version made them. Both migrations only go forwards, so they are made anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'telemetry\\_%' AND relkind IN ('r', 'p') "
            "AND NOT relispartition"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TABLE "{name}" CASCADE')
        cursor.execute("DELETE FROM django_migrations WHERE app = 'telemetry'")
    migrate(BEFORE)
    yield
    migrate(AFTER)
    make_history_partitions()


def test_old_samples_are_carried_over(old_tables: None) -> None:
    with connection.cursor() as cursor:
        for back in (0, 170):
            at = NOW - timedelta(minutes=back)
            cursor.execute(
                "INSERT INTO telemetry_servicesample VALUES "
                "(7, %s, 1, 2, 30, 300, 270, 3, 2, 1), (7, %s, 2, 1, 5, 5, 0, 0, 0, 0)",
                [at, at],
            )
            cursor.execute("INSERT INTO telemetry_gamesample VALUES (7, %s, 2, 24, 1600.5, 80, 20)", [at])
    migrate(AFTER)
    moments = [NOW - timedelta(minutes=170), NOW]
    game = GameSample.objects.order_by("at")
    assert [(row.at, row.step, row.servers, row.players, row.live, row.orphaned) for row in game] == [
        (at, 10, 2, 24, 35, 2) for at in moments
    ]
    service = ServiceSample.objects.filter(service_id=1).order_by("at")
    assert [(row.at, row.step, row.live, row.opened, row.closed, row.idle) for row in service] == [
        (at, 10, 30, 300, 270, 3) for at in moments
    ]
    assert sorted(Tick.objects.values_list("at", flat=True)) == moments
    put_state(7, services={1: (1, 1, 0, 0, 0, 0)}, now=NOW + timedelta(seconds=10))
    assert make_samples(now=NOW + timedelta(seconds=10)) == 2


def test_without_old_samples_there_is_nothing_to_carry(old_tables: None) -> None:
    migrate(AFTER)
    assert list_partitions(["telemetry_gamesample_10"]) == []


@pytest.mark.django_db
def test_partitioned_tables_have_the_indexes_that_django_knows() -> None:
    for model in (GameSample, ServiceSample):
        with connection.cursor() as cursor:
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
        assert {index.name for index in model._meta.indexes} <= set(there)
