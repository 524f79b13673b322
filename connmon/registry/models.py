"""What is known of each game server: services, their counters, pools, and every registered connection.

Tables of one server lead with its key (`server_id`), so that they can be distributed by it. What changes with each
report stands in one row per server (`ServerState`) that carries no index but its primary key.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Service(models.Model):
    """A service exists once per game, whatever number of servers run it."""

    id = models.AutoField(primary_key=True)
    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="services")
    name = models.CharField(max_length=128)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["game", "name"], name="one_service_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class GameServer(models.Model):
    """One boot of one game server. Its key is derived from game, name and boot (core.ids.server_key)."""

    id = models.BigIntegerField(primary_key=True)
    # Without an index of its own: servers_by_name leads with it.
    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="servers", db_index=False)
    name = models.CharField(max_length=128)
    boot = models.CharField(max_length=64)
    agent = models.CharField(max_length=64)
    place_id = models.BigIntegerField(null=True)
    place_version = models.BigIntegerField(null=True)
    first_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # another boot took its place, it was removed, or it was gone too long
    lost_at = models.DateTimeField(null=True)  # when a sweep found its lease over; None: it reports
    holds_leftovers = models.BooleanField(db_default=False)  # ended, its connections still to be dropped in batches

    class Meta:
        indexes: ClassVar = [
            # Readers: a server's history over all its boots, and the list and search of ended ones.
            models.Index(fields=["game", "name"], name="servers_by_name"),
            # Readers: the pages' lists of running servers, and the end of earlier boots.
            models.Index(fields=["game", "name"], name="running_servers", condition=models.Q(ended_at__isnull=True)),
            # Reader: the sweep, which drops what ended servers left behind.
            models.Index(fields=["ended_at"], name="servers_with_leftovers", condition=models.Q(holds_leftovers=True)),
        ]

    def __str__(self) -> str:
        return self.name


class ServerState(models.Model):
    """What every report of a server writes, in one narrow row; the arrays run in parallel."""

    server_id = models.BigIntegerField(primary_key=True)
    game_id = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    last_digest = models.BigIntegerField()
    snapshot = models.SmallIntegerField()  # the snapshot that new connections belong to
    snapshot_part = models.IntegerField()  # parts taken of a snapshot under way; 0: none under way
    synced = models.BooleanField()  # False: a resync was asked for and is not complete
    superseded = models.BooleanField(default=False)  # a newer boot reports; this one is refused
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()  # silent if no report came until then
    clock_skew = models.FloatField()  # seconds the sender's clock is ahead of ours
    players = models.IntegerField()
    memory_mb = models.FloatField(null=True)
    signals_mb = models.FloatField(null=True)
    config_revision = models.IntegerField()
    dropped = models.IntegerField()
    service_ids = ArrayField(models.IntegerField())
    live = ArrayField(models.IntegerField())
    opened = ArrayField(models.BigIntegerField())
    closed = ArrayField(models.BigIntegerField())
    idle = ArrayField(models.IntegerField())
    orphaned = ArrayField(models.IntegerField())
    stale = ArrayField(models.IntegerField())
    pool_types = ArrayField(models.CharField(max_length=64))
    pool_size = ArrayField(models.IntegerField())
    pool_in_use = ArrayField(models.IntegerField())
    pool_hits = ArrayField(models.BigIntegerField())
    pool_misses = ArrayField(models.BigIntegerField())

    class Meta:
        indexes: ClassVar = [
            # Reader: the ticks of history, which do not pass over boots that ended long ago.
            models.Index(fields=["server_id"], name="running_states", condition=models.Q(superseded=False)),
        ]


class Connection(models.Model):
    """One registered connection. Written when it opens, changes state and closes; not by each report.

    The key leads with the server, then the service: a service's registry is one short range per server.
    """

    pk = models.CompositePrimaryKey("server_id", "service_id", "connection_id")
    server_id = models.BigIntegerField()
    service_id = models.IntegerField()
    connection_id = models.BigIntegerField()
    opened_at = models.FloatField()  # Unix seconds of the agent's clock, as sent: orders name the very number
    state = models.SmallIntegerField()  # place in states.STATES
    owner_kind = models.SmallIntegerField()  # place in states.OWNER_KINDS
    snapshot = models.SmallIntegerField()
    essential = models.BooleanField()
    owner = models.TextField()
    name = models.TextField()
    type = models.TextField()
    site = models.TextField()

    class Meta:
        indexes: ClassVar = [
            # Reader: the stale sweep. Few rows are stale, and a pass that finds none must cost nothing.
            models.Index(fields=["server_id"], name="stale_connections", condition=models.Q(state=2)),
        ]


class OrderOutcome(models.Model):
    """What an agent says became of an order, as it came with a report and in that report's transaction.

    Once a report is acknowledged the agent forgets its outcomes, so they must not be lost in between; what they mean is
    found out later (cleanup/settle.py), off the reports' path.
    """

    server_id = models.BigIntegerField()
    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="+")
    order_id = models.CharField(max_length=64)
    status = models.CharField(max_length=10)
    closed = ArrayField(models.BigIntegerField())
    gone = ArrayField(models.BigIntegerField())
    changed = ArrayField(models.BigIntegerField())
    detail = models.CharField(max_length=256)
    received_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=20, db_default="")  # cleanup/rules.py: Verdict

    class Meta:
        indexes: ClassVar = [
            # Reader: cleanup/settle.py, which takes what is not settled, oldest first.
            models.Index(fields=["id"], name="unsettled_outcomes", condition=models.Q(settled_at__isnull=True)),
        ]


class ServerEvent(models.Model):
    """A server was lost, came back, was gone for so long that it was ended, or said farewell.

    Reader: a server's timeline, through the key.
    """

    pk = models.CompositePrimaryKey("server_id", "at", "kind")
    server_id = models.BigIntegerField()
    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10)  # lost, returned, gone, closed
    at = models.DateTimeField()


class IngestPulse(models.Model):
    """That a web process takes reports, every few seconds. The sweep trusts silence only while somebody listens."""

    process = models.CharField(primary_key=True, max_length=80)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ill_at = models.DateTimeField(null=True)  # when it last refused or lost reports through its own fault


class RefusalTotal(models.Model):
    """How many reports of a game were ever refused. Alarms read it: of the rows below only the newest are kept."""

    game = models.OneToOneField("accounts.Game", models.CASCADE, primary_key=True, related_name="+")
    total = models.BigIntegerField()


class RefusedReport(models.Model):
    """Reports of a valid key that were refused, one row for each server, code and place in the body."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="refused_reports")
    server = models.CharField(max_length=128)  # as the sender names it; "" if the body did not say
    code = models.CharField(max_length=40)
    pointer = models.CharField(max_length=200)
    detail = models.CharField(max_length=500)
    excerpt = models.TextField()  # the beginning of the last such body
    count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["game", "server", "code", "pointer"], name="one_row_per_refusal"),
        ]
