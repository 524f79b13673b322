"""The tables of samples become partitioned, by step and then by time; the samples of before are carried over."""

from datetime import UTC, datetime, timedelta

from django.db import migrations

STEPS = (10, 60, 600, 3600)
TABLES = (
    ("telemetry_gamesample", STEPS),
    ("telemetry_servicesample", STEPS),
    ("telemetry_poolsample", STEPS),
    ("telemetry_typesample", STEPS[1:]),
    ("telemetry_profilesample", STEPS[1:]),
    ("telemetry_serversample", STEPS),
)
SPAN = timedelta(minutes=30)

# Django cannot make a partitioned table: what it made is copied, with defaults, key and indexes, and goes. The copies
# of its indexes then get back the names that Django knows them by.
PARTITION = """
    ALTER TABLE {table} RENAME TO {table}_shape;
    CREATE TABLE {table} (LIKE {table}_shape INCLUDING ALL) PARTITION BY LIST (step);
    DO $$
    DECLARE
        old record;
        copy text;
    BEGIN
        FOR old IN
            SELECT c.relname AS name, regexp_replace(pg_get_indexdef(c.oid), '^.* USING ', '') AS definition
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid = '{table}_shape'::regclass
        LOOP
            SELECT c.relname INTO STRICT copy
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid = '{table}'::regclass
                  AND regexp_replace(pg_get_indexdef(c.oid), '^.* USING ', '') = old.definition;
            EXECUTE format('ALTER INDEX %I RENAME TO %I', old.name, left(old.name, 50) || '_shape');
            EXECUTE format('ALTER INDEX %I RENAME TO %I', copy, old.name);
        END LOOP;
    END $$;
    DROP TABLE {table}_shape;
"""
STEP = "CREATE TABLE {table}_{step} PARTITION OF {table} FOR VALUES IN ({step}) PARTITION BY RANGE (at)"
SPAN_OF = """
    CREATE TABLE {table}_10_{since:%Y%m%d%H%M} PARTITION OF {table}_10
    FOR VALUES FROM ('{since:%Y-%m-%d %H:%M}+00') TO ('{until:%Y-%m-%d %H:%M}+00')
"""
# At most three hours of samples.
CARRY = (
    """
    INSERT INTO telemetry_servicesample
        (step, game_id, at, service_id, servers, live, opened, closed, idle, orphaned, stale)
    SELECT 10, game_id, at, service_id, servers, live, opened, closed, idle, orphaned, stale
    FROM telemetry_servicesample_before
    """,
    """
    INSERT INTO telemetry_gamesample
        (step, game_id, at, servers, players, memory_mb, pool_hits, pool_misses, live, idle, orphaned, stale)
    SELECT 10, g.game_id, g.at, g.servers, players, memory_mb, pool_hits, pool_misses,
           coalesce(sum(s.live), 0), coalesce(sum(s.idle), 0), coalesce(sum(s.orphaned), 0), coalesce(sum(s.stale), 0)
    FROM telemetry_gamesample_before g LEFT JOIN telemetry_servicesample_before s
         ON s.game_id = g.game_id AND s.at = g.at
    GROUP BY g.game_id, g.at
    """,
    "INSERT INTO telemetry_tick (kind, step, at, took) SELECT DISTINCT 'state', 10, at, 0 FROM telemetry_gamesample",
    "DROP TABLE telemetry_servicesample_before",
    "DROP TABLE telemetry_gamesample_before",
)


def partition(apps, schema_editor):
    for table, steps in TABLES:
        schema_editor.execute(PARTITION.format(table=table), params=None)
        for step in steps:
            schema_editor.execute(STEP.format(table=table, step=step))


def carry_over(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT min(at), max(at) FROM telemetry_gamesample_before")
        first, last = cursor.fetchone()
    if first:
        since = datetime.fromtimestamp(first.timestamp() // 1800 * 1800, tz=UTC)
        while since <= last:
            for table in ("telemetry_servicesample", "telemetry_gamesample"):
                schema_editor.execute(SPAN_OF.format(table=table, since=since, until=since + SPAN))
            since += SPAN
    for statement in CARRY:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0002_history")]
    operations = [migrations.RunPython(partition), migrations.RunPython(carry_over)]
