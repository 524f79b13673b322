"""The tables of history at four resolutions. The samples of before are set aside here, and carried over in 0003."""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

SET_ASIDE = """
    ALTER TABLE telemetry_servicesample RENAME TO telemetry_servicesample_before;
    ALTER TABLE telemetry_gamesample RENAME TO telemetry_gamesample_before;
    ALTER INDEX telemetry_servicesample_pkey RENAME TO telemetry_servicesample_before_pkey;
    ALTER INDEX telemetry_gamesample_pkey RENAME TO telemetry_gamesample_before_pkey;
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(SET_ASIDE)],
            state_operations=[migrations.DeleteModel("ServiceSample"), migrations.DeleteModel("GameSample")],
        ),
        migrations.CreateModel(
            name="RetentionClock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Tick",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "kind", "step", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("state", "State"), ("types", "Types"), ("profiles", "Profiles")], max_length=10
                    ),
                ),
                ("step", models.SmallIntegerField()),
                ("at", models.DateTimeField()),
                ("began_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("took", models.FloatField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="GameSample",
            fields=[
                ("step", models.SmallIntegerField(db_default=10)),
                ("game_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("ticks", models.IntegerField(db_default=1)),
                ("live_min", models.BigIntegerField(null=True)),
                ("live_max", models.BigIntegerField(null=True)),
                ("live_sum", models.BigIntegerField(null=True)),
                ("idle", models.BigIntegerField(db_default=0)),
                ("idle_min", models.BigIntegerField(null=True)),
                ("idle_max", models.BigIntegerField(null=True)),
                ("idle_sum", models.BigIntegerField(null=True)),
                ("orphaned", models.BigIntegerField(db_default=0)),
                ("orphaned_min", models.BigIntegerField(null=True)),
                ("orphaned_max", models.BigIntegerField(null=True)),
                ("orphaned_sum", models.BigIntegerField(null=True)),
                ("stale", models.BigIntegerField(db_default=0)),
                ("stale_min", models.BigIntegerField(null=True)),
                ("stale_max", models.BigIntegerField(null=True)),
                ("stale_sum", models.BigIntegerField(null=True)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "game_id", "at", "step", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("live", models.BigIntegerField(db_default=0)),
                ("servers", models.IntegerField()),
                ("servers_min", models.IntegerField(null=True)),
                ("servers_max", models.IntegerField(null=True)),
                ("servers_sum", models.BigIntegerField(null=True)),
                ("players", models.BigIntegerField()),
                ("players_min", models.BigIntegerField(null=True)),
                ("players_max", models.BigIntegerField(null=True)),
                ("players_sum", models.BigIntegerField(null=True)),
                ("memory_mb", models.FloatField()),
                ("memory_mb_min", models.FloatField(null=True)),
                ("memory_mb_max", models.FloatField(null=True)),
                ("memory_mb_sum", models.FloatField(null=True)),
                ("signals_mb", models.FloatField(db_default=0)),
                ("signals_mb_min", models.FloatField(null=True)),
                ("signals_mb_max", models.FloatField(null=True)),
                ("signals_mb_sum", models.FloatField(null=True)),
                ("pool_hits", models.BigIntegerField()),
                ("pool_misses", models.BigIntegerField()),
                ("opened_new", models.BigIntegerField(db_default=0)),
                ("closed_new", models.BigIntegerField(db_default=0)),
                ("hits_new", models.BigIntegerField(db_default=0)),
                ("misses_new", models.BigIntegerField(db_default=0)),
                ("joined", models.IntegerField(db_default=0)),
                ("gone", models.IntegerField(db_default=0)),
                ("watched", models.IntegerField(db_default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="game_samples_by_time")],
            },
        ),
        migrations.CreateModel(
            name="PlaceVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("game_id", models.BigIntegerField()),
                ("place_id", models.BigIntegerField()),
                ("version", models.BigIntegerField()),
                ("first_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("game_id", "place_id", "version"), name="one_row_per_version")
                ],
            },
        ),
        migrations.CreateModel(
            name="PoolSample",
            fields=[
                ("step", models.SmallIntegerField(db_default=10)),
                ("game_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("ticks", models.IntegerField(db_default=1)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "game_id", "at", "type", "step", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=64)),
                ("size", models.BigIntegerField()),
                ("size_min", models.BigIntegerField(null=True)),
                ("size_max", models.BigIntegerField(null=True)),
                ("size_sum", models.BigIntegerField(null=True)),
                ("in_use", models.BigIntegerField()),
                ("in_use_min", models.BigIntegerField(null=True)),
                ("in_use_max", models.BigIntegerField(null=True)),
                ("in_use_sum", models.BigIntegerField(null=True)),
                ("hits", models.BigIntegerField()),
                ("misses", models.BigIntegerField()),
                ("hits_new", models.BigIntegerField(db_default=0)),
                ("misses_new", models.BigIntegerField(db_default=0)),
                ("watched", models.IntegerField(db_default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="pool_samples_by_time")],
            },
        ),
        migrations.CreateModel(
            name="ProfileSample",
            fields=[
                ("step", models.SmallIntegerField(db_default=10)),
                ("game_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("ticks", models.IntegerField(db_default=1)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "game_id",
                        "at",
                        "service_id",
                        "type",
                        "site",
                        "step",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("service_id", models.IntegerField()),
                ("type", models.CharField(max_length=64)),
                ("site", models.CharField(max_length=256)),
                ("p50_us", models.FloatField()),
                ("p50_us_min", models.FloatField(null=True)),
                ("p50_us_max", models.FloatField(null=True)),
                ("p50_us_sum", models.FloatField(null=True)),
                ("p95_us", models.FloatField()),
                ("p95_us_min", models.FloatField(null=True)),
                ("p95_us_max", models.FloatField(null=True)),
                ("p95_us_sum", models.FloatField(null=True)),
                ("max_us", models.FloatField()),
                ("max_us_min", models.FloatField(null=True)),
                ("max_us_max", models.FloatField(null=True)),
                ("max_us_sum", models.FloatField(null=True)),
                ("count_new", models.BigIntegerField()),
                ("total_us_new", models.FloatField()),
                ("watched", models.IntegerField(db_default=60)),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="profile_samples_by_time")],
            },
        ),
        migrations.CreateModel(
            name="ProfileState",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "server_id",
                        "service_id",
                        "type",
                        "site",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("server_id", models.BigIntegerField()),
                ("service_id", models.IntegerField()),
                ("type", models.CharField(max_length=64)),
                ("site", models.CharField(max_length=256)),
                ("count", models.BigIntegerField()),
                ("total_us", models.FloatField()),
                ("p50_us", models.FloatField()),
                ("p95_us", models.FloatField()),
                ("max_us", models.FloatField()),
                ("sampled_count", models.BigIntegerField(db_default=0)),
                ("sampled_us", models.FloatField(db_default=0)),
                ("sampled", models.BooleanField(db_default=False)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("sampled", False)), fields=["server_id"], name="profiles_to_sample"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ServerSample",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "server_id", "at", "step", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("server_id", models.BigIntegerField()),
                ("game_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("memory_mb", models.FloatField(null=True)),
                ("memory_mb_min", models.FloatField(null=True)),
                ("memory_mb_max", models.FloatField(null=True)),
                ("memory_mb_sum", models.FloatField(null=True)),
                ("signals_mb", models.FloatField(null=True)),
                ("signals_mb_min", models.FloatField(null=True)),
                ("signals_mb_max", models.FloatField(null=True)),
                ("signals_mb_sum", models.FloatField(null=True)),
                ("players_sum", models.BigIntegerField(null=True)),
                ("players", models.IntegerField()),
                ("players_min", models.IntegerField(null=True)),
                ("players_max", models.IntegerField(null=True)),
                ("step", models.SmallIntegerField()),
                ("ticks", models.SmallIntegerField()),
                ("services", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                (
                    "gauges",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), null=True, size=None
                    ),
                ),
                (
                    "totals",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None),
                ),
                (
                    "low",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), null=True, size=None
                    ),
                ),
                (
                    "high",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), null=True, size=None
                    ),
                ),
                (
                    "sums",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None),
                ),
                (
                    "wide",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), null=True, size=None
                    ),
                ),
                (
                    "pools",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None),
                ),
                (
                    "wide_pools",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), null=True, size=None
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="server_samples_by_time")],
            },
        ),
        migrations.CreateModel(
            name="ServiceSample",
            fields=[
                ("step", models.SmallIntegerField(db_default=10)),
                ("game_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("ticks", models.IntegerField(db_default=1)),
                ("live", models.BigIntegerField()),
                ("live_min", models.BigIntegerField(null=True)),
                ("live_max", models.BigIntegerField(null=True)),
                ("live_sum", models.BigIntegerField(null=True)),
                ("idle", models.BigIntegerField(db_default=0)),
                ("idle_min", models.BigIntegerField(null=True)),
                ("idle_max", models.BigIntegerField(null=True)),
                ("idle_sum", models.BigIntegerField(null=True)),
                ("orphaned", models.BigIntegerField(db_default=0)),
                ("orphaned_min", models.BigIntegerField(null=True)),
                ("orphaned_max", models.BigIntegerField(null=True)),
                ("orphaned_sum", models.BigIntegerField(null=True)),
                ("stale", models.BigIntegerField(db_default=0)),
                ("stale_min", models.BigIntegerField(null=True)),
                ("stale_max", models.BigIntegerField(null=True)),
                ("stale_sum", models.BigIntegerField(null=True)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "game_id",
                        "at",
                        "service_id",
                        "step",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("service_id", models.IntegerField()),
                ("servers", models.IntegerField()),
                ("servers_min", models.IntegerField(null=True)),
                ("servers_max", models.IntegerField(null=True)),
                ("servers_sum", models.BigIntegerField(null=True)),
                ("opened", models.BigIntegerField()),
                ("closed", models.BigIntegerField()),
                ("opened_new", models.BigIntegerField(db_default=0)),
                ("closed_new", models.BigIntegerField(db_default=0)),
                ("watched", models.IntegerField(db_default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="service_samples_by_time")],
            },
        ),
        migrations.CreateModel(
            name="TypeSample",
            fields=[
                ("step", models.SmallIntegerField(db_default=10)),
                ("game_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("ticks", models.IntegerField(db_default=1)),
                ("live", models.BigIntegerField()),
                ("live_min", models.BigIntegerField(null=True)),
                ("live_max", models.BigIntegerField(null=True)),
                ("live_sum", models.BigIntegerField(null=True)),
                ("idle", models.BigIntegerField(db_default=0)),
                ("idle_min", models.BigIntegerField(null=True)),
                ("idle_max", models.BigIntegerField(null=True)),
                ("idle_sum", models.BigIntegerField(null=True)),
                ("orphaned", models.BigIntegerField(db_default=0)),
                ("orphaned_min", models.BigIntegerField(null=True)),
                ("orphaned_max", models.BigIntegerField(null=True)),
                ("orphaned_sum", models.BigIntegerField(null=True)),
                ("stale", models.BigIntegerField(db_default=0)),
                ("stale_min", models.BigIntegerField(null=True)),
                ("stale_max", models.BigIntegerField(null=True)),
                ("stale_sum", models.BigIntegerField(null=True)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "game_id",
                        "at",
                        "service_id",
                        "type",
                        "step",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("service_id", models.IntegerField()),
                ("type", models.CharField(max_length=64)),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="type_samples_by_time")],
            },
        ),
    ]
