"""How the hot tables lie on disk. Measured figures: docs/decisions/0003-ingest.md."""

from django.db import migrations

# Every report rewrites its server's row. Half-full pages keep the new version on the same page, which spares the
# index; the arrays stay in the row, uncompressed, for up to some 150 services.
SERVER_STATE = """
    ALTER TABLE registry_serverstate SET (
        fillfactor = 50, toast_tuple_target = 8160,
        autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500
    );
    ALTER TABLE registry_serverstate
        ALTER COLUMN service_ids SET STORAGE MAIN, ALTER COLUMN live SET STORAGE MAIN,
        ALTER COLUMN opened SET STORAGE MAIN, ALTER COLUMN closed SET STORAGE MAIN,
        ALTER COLUMN idle SET STORAGE MAIN, ALTER COLUMN orphaned SET STORAGE MAIN,
        ALTER COLUMN stale SET STORAGE MAIN;
"""
# Connections come and go all the time: dead rows are to be reused before the table grows.
CONNECTION = """
    ALTER TABLE registry_connection SET (
        fillfactor = 90,
        autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1
    );
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]
    operations = [
        migrations.RunSQL(SERVER_STATE, migrations.RunSQL.noop),
        migrations.RunSQL(CONNECTION, migrations.RunSQL.noop),
    ]
