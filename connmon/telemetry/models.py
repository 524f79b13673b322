"""History: what the registry's current state was, at regular moments, at four resolutions (resolutions.py).

Every table of samples is partitioned by step, then by time, and loses its old partitions whole (partitions.py). In rows
of fleet history a gauge has companions `_min`, `_max` and `_sum`; they are null where the row tells of a single moment.
"""

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

WORD: Final = 64  # characters of a type on the wire
SITE: Final = 256


class TickKind(models.TextChoices):
    """What was made."""

    STATE = "state"
    """Samples of servers, services, pools and games, and their rollups."""
    TYPES = "types"
    """Samples of connections by type, counted in the registry."""
    PROFILES = "profiles"
    """What callbacks have cost."""


class Tick(models.Model):
    """That the samples of one moment were made: whoever inserts the row makes them, so two beats cannot double one."""

    pk = models.CompositePrimaryKey("kind", "step", "at")
    kind = models.CharField(max_length=10, choices=TickKind.choices)
    step = models.SmallIntegerField()
    at = models.DateTimeField()
    began_at = models.DateTimeField(db_default=Now())
    took = models.FloatField(default=0)  # seconds


class RetentionClock(models.Model):
    """Up to when retention has counted time (one row). A clock that leaps ahead must not drop everything at once."""

    at = models.DateTimeField()


class FleetSample(models.Model):
    """What all tables of fleet history begin with."""

    step = models.SmallIntegerField(db_default=10)
    game_id = models.BigIntegerField()
    at = models.DateTimeField()
    ticks = models.IntegerField(db_default=1)  # moments that the row tells of

    class Meta:
        abstract = True


class States(models.Model):
    """Connections by state, as gauges."""

    live = models.BigIntegerField()
    live_min = models.BigIntegerField(null=True)
    live_max = models.BigIntegerField(null=True)
    live_sum = models.BigIntegerField(null=True)
    idle = models.BigIntegerField(db_default=0)
    idle_min = models.BigIntegerField(null=True)
    idle_max = models.BigIntegerField(null=True)
    idle_sum = models.BigIntegerField(null=True)
    orphaned = models.BigIntegerField(db_default=0)
    orphaned_min = models.BigIntegerField(null=True)
    orphaned_max = models.BigIntegerField(null=True)
    orphaned_sum = models.BigIntegerField(null=True)
    stale = models.BigIntegerField(db_default=0)
    stale_min = models.BigIntegerField(null=True)
    stale_max = models.BigIntegerField(null=True)
    stale_sum = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class ServiceSample(FleetSample, States):
    """One service over all reporting servers of a game."""

    pk = models.CompositePrimaryKey("game_id", "at", "service_id", "step")
    service_id = models.IntegerField()
    servers = models.IntegerField()
    servers_min = models.IntegerField(null=True)
    servers_max = models.IntegerField(null=True)
    servers_sum = models.BigIntegerField(null=True)
    opened = models.BigIntegerField()  # sums of counters since the servers' boots: they fall when a server leaves
    closed = models.BigIntegerField()
    opened_new = models.BigIntegerField(db_default=0)  # growth within `watched`, boot by boot
    closed_new = models.BigIntegerField(db_default=0)
    watched = models.IntegerField(db_default=0)  # seconds; 0: there was no sample to compare with

    class Meta:
        indexes: ClassVar = [
            # Reader: rollups, which take every game's rows of a span.
            models.Index(fields=["at"], name="service_samples_by_time"),
        ]


class GameSample(FleetSample, States):
    """A game over all its reporting servers."""

    pk = models.CompositePrimaryKey("game_id", "at", "step")
    live = models.BigIntegerField(db_default=0)
    servers = models.IntegerField()
    servers_min = models.IntegerField(null=True)
    servers_max = models.IntegerField(null=True)
    servers_sum = models.BigIntegerField(null=True)
    players = models.BigIntegerField()
    players_min = models.BigIntegerField(null=True)
    players_max = models.BigIntegerField(null=True)
    players_sum = models.BigIntegerField(null=True)
    memory_mb = models.FloatField()
    memory_mb_min = models.FloatField(null=True)
    memory_mb_max = models.FloatField(null=True)
    memory_mb_sum = models.FloatField(null=True)
    signals_mb = models.FloatField(db_default=0)
    signals_mb_min = models.FloatField(null=True)
    signals_mb_max = models.FloatField(null=True)
    signals_mb_sum = models.FloatField(null=True)
    pool_hits = models.BigIntegerField()
    pool_misses = models.BigIntegerField()
    opened_new = models.BigIntegerField(db_default=0)
    closed_new = models.BigIntegerField(db_default=0)
    hits_new = models.BigIntegerField(db_default=0)
    misses_new = models.BigIntegerField(db_default=0)
    joined = models.IntegerField(db_default=0)  # servers that the sample before did not have
    gone = models.IntegerField(db_default=0)  # servers of the sample before that this one does not have
    watched = models.IntegerField(db_default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="game_samples_by_time")]  # Reader: rollups.


class PoolSample(FleetSample):
    """The pools of one connection type over all reporting servers of a game."""

    pk = models.CompositePrimaryKey("game_id", "at", "type", "step")
    type = models.CharField(max_length=WORD)
    size = models.BigIntegerField()
    size_min = models.BigIntegerField(null=True)
    size_max = models.BigIntegerField(null=True)
    size_sum = models.BigIntegerField(null=True)
    in_use = models.BigIntegerField()
    in_use_min = models.BigIntegerField(null=True)
    in_use_max = models.BigIntegerField(null=True)
    in_use_sum = models.BigIntegerField(null=True)
    hits = models.BigIntegerField()
    misses = models.BigIntegerField()
    hits_new = models.BigIntegerField(db_default=0)
    misses_new = models.BigIntegerField(db_default=0)
    watched = models.IntegerField(db_default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="pool_samples_by_time")]  # Reader: rollups.


class TypeSample(FleetSample, States):
    """A service's connections of one type over all reporting servers. Its finest step is a minute: it is counted in the
    registry itself. `type` "" stands for all types past the game's largest (sampling.MOST_TYPES)."""

    pk = models.CompositePrimaryKey("game_id", "at", "service_id", "type", "step")
    service_id = models.IntegerField()
    type = models.CharField(max_length=WORD)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="type_samples_by_time")]  # Reader: rollups.


class ProfileState(models.Model):
    """What callbacks connected at one site have cost on one server, since its boot, as last reported.

    Times in microseconds. `sampled_…` is what history has counted already.
    """

    pk = models.CompositePrimaryKey("server_id", "service_id", "type", "site")
    server_id = models.BigIntegerField()
    service_id = models.IntegerField()
    type = models.CharField(max_length=WORD)
    site = models.CharField(max_length=SITE)
    count = models.BigIntegerField()
    total_us = models.FloatField()
    p50_us = models.FloatField()
    p95_us = models.FloatField()
    max_us = models.FloatField()
    sampled_count = models.BigIntegerField(db_default=0)
    sampled_us = models.FloatField(db_default=0)
    sampled = models.BooleanField(db_default=False)

    class Meta:
        indexes: ClassVar = [
            # Reader: the pass that makes profile samples, which takes what changed since the last.
            models.Index(fields=["server_id"], name="profiles_to_sample", condition=models.Q(sampled=False)),
        ]


class ProfileSample(FleetSample):
    """What callbacks connected at one site have cost over all servers of a game; its finest step is a minute.

    `count_new` calls took `total_us_new`. `p50_us`: the servers' medians, averaged by calls. `p95_us`, `max_us`: the
    highest of any server, since its boot.
    """

    pk = models.CompositePrimaryKey("game_id", "at", "service_id", "type", "site", "step")
    service_id = models.IntegerField()
    type = models.CharField(max_length=WORD)
    site = models.CharField(max_length=SITE)
    p50_us = models.FloatField()
    p50_us_min = models.FloatField(null=True)
    p50_us_max = models.FloatField(null=True)
    p50_us_sum = models.FloatField(null=True)
    p95_us = models.FloatField()
    p95_us_min = models.FloatField(null=True)
    p95_us_max = models.FloatField(null=True)
    p95_us_sum = models.FloatField(null=True)
    max_us = models.FloatField()
    max_us_min = models.FloatField(null=True)
    max_us_max = models.FloatField(null=True)
    max_us_sum = models.FloatField(null=True)
    count_new = models.BigIntegerField()
    total_us_new = models.FloatField()
    watched = models.IntegerField(db_default=60)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="profile_samples_by_time")]  # Reader: rollups.


class ServerSample(models.Model):
    """One boot of one server and all its services, packed: see docs/decisions for what that saves.

    The arrays are sections of one number for each service, in the order of `services`. `gauges`: live, idle, orphaned,
    stale as last seen. Sections at the end that are all 0 are left out. `totals`: opened, closed since boot. `low`,
    `high`, `sums`: of the gauges within the row's `ticks`; null where nothing moved. Where a number does not fit, all
    of them stand in `wide`, in this order, every section whole. A service that a moment does not name counts as 0 then.
    `pools`: size, in use, hits, misses, in the order of the server's pool types (a boot only ever adds to it),
    or all of them in `wide_pools`.
    """

    pk = models.CompositePrimaryKey("server_id", "at", "step")
    server_id = models.BigIntegerField()
    game_id = models.BigIntegerField()
    at = models.DateTimeField()
    memory_mb = models.FloatField(null=True)
    memory_mb_min = models.FloatField(null=True)
    memory_mb_max = models.FloatField(null=True)
    memory_mb_sum = models.FloatField(null=True)
    signals_mb = models.FloatField(null=True)
    signals_mb_min = models.FloatField(null=True)
    signals_mb_max = models.FloatField(null=True)
    signals_mb_sum = models.FloatField(null=True)
    players_sum = models.BigIntegerField(null=True)
    players = models.IntegerField()
    players_min = models.IntegerField(null=True)
    players_max = models.IntegerField(null=True)
    step = models.SmallIntegerField()
    ticks = models.SmallIntegerField()
    services = ArrayField(models.IntegerField())
    gauges = ArrayField(models.SmallIntegerField(), null=True)
    totals = ArrayField(models.IntegerField(), null=True)
    low = ArrayField(models.SmallIntegerField(), null=True)
    high = ArrayField(models.SmallIntegerField(), null=True)
    sums = ArrayField(models.IntegerField(), null=True)
    wide = ArrayField(models.BigIntegerField(), null=True)
    pools = ArrayField(models.IntegerField(), null=True)
    wide_pools = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        indexes: ClassVar = [
            # Reader: rollups, and each tick, which looks at the one before. Equal keys share one entry, 6 bytes a row.
            models.Index(fields=["at"], name="server_samples_by_time"),
        ]


class PlaceVersion(models.Model):
    """When a version of a place was first seen running: charts mark it as a deploy."""

    game_id = models.BigIntegerField()
    place_id = models.BigIntegerField()
    version = models.BigIntegerField()
    first_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            # Reader too: the marks of a game.
            models.UniqueConstraint(fields=["game_id", "place_id", "version"], name="one_row_per_version"),
        ]
