"""Creation sites, their short history, what outlived its owner, and the ledger of leaks."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Origin(models.Model):
    """A creation site of a service, for one type of connection: the fingerprint of a leak."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="+")
    service = models.ForeignKey("registry.Service", models.CASCADE, related_name="+")
    type = models.TextField()
    site = models.TextField()  # script:line; "" where the agent does not know
    seen_at = models.DateTimeField()  # when it last held connections, within an hour
    # What the rule remembers between two looks (rules.Watch).
    grows_since = models.DateTimeField(null=True)
    growth_seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["service", "type", "site"], name="one_origin_per_site"),
        ]
        indexes: ClassVar = [models.Index(fields=["game"], name="origins_of_a_game")]

    def __str__(self) -> str:
        return self.site or self.type


class Tick(models.Model):
    """What one reporting server held at a full minute; the arrays run in parallel. A silent server has none."""

    pk = models.CompositePrimaryKey("server_id", "at")
    server_id = models.BigIntegerField()
    at = models.DateTimeField()
    players = models.IntegerField()
    origin_ids = ArrayField(models.IntegerField())
    live = ArrayField(models.IntegerField())
    owners = ArrayField(models.IntegerField())  # different players that own any of them

    class Meta:
        indexes: ClassVar = [
            # Reader: retention.
            models.Index(fields=["at"], name="ticks_by_age"),
        ]


class Sighting(models.Model):
    """A connection that is orphaned or stale, and since when it has been so at every look."""

    pk = models.CompositePrimaryKey("server_id", "service_id", "connection_id")
    server_id = models.BigIntegerField()
    service_id = models.IntegerField()
    connection_id = models.BigIntegerField()
    state = models.SmallIntegerField()  # place in registry.states.STATES
    first_at = models.DateTimeField()


class Roll(models.Model):
    """Who owned connections on a server at the last look, so that the next one sees who has gone."""

    server_id = models.BigIntegerField(primary_key=True)
    owners = ArrayField(models.TextField())  # the owner's kind and its name, `2player:261`


class Departure(models.Model):
    """An owner that holds nothing any more, until it is sure that it left."""

    pk = models.CompositePrimaryKey("server_id", "owner")
    server_id = models.BigIntegerField()
    owner = models.TextField()  # as in Roll
    at = models.DateTimeField()
    left_behind = models.BooleanField()  # something of it stayed past the grace


class Tidiness(models.Model):
    """How many owners left within an hour, and how many of them left nothing behind past the grace."""

    pk = models.CompositePrimaryKey("game_id", "hour", "owner_kind")
    game_id = models.BigIntegerField()
    hour = models.DateTimeField()
    owner_kind = models.SmallIntegerField()  # place in registry.states.OWNER_KINDS
    tidy = models.IntegerField()  # all their connections were gone
    left_behind = models.IntegerField()  # something stayed connected past the grace


class Leak(models.Model):
    """One entry of the ledger; one for each origin, whatever becomes of it."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="leaks")
    origin = models.OneToOneField(Origin, models.CASCADE, related_name="leak")
    rung = models.CharField(max_length=10)
    cause = models.CharField(max_length=10)
    state = models.CharField(max_length=10)
    summary = models.CharField(max_length=500)  # the verdict in one sentence
    count = models.IntegerField()
    evidence = models.JSONField()  # owners, servers, players, the fitted line (statements of evidence.Verdict)
    since = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    versions = ArrayField(models.BigIntegerField())  # place versions that leaked, the oldest first
    since_version = models.BigIntegerField(null=True)  # an earlier one ran with as many players and did not leak
    fixed_in = models.BigIntegerField(null=True)
    assignee = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    ignored_until = models.DateTimeField(null=True)  # raises no alarm until then
    link = models.CharField(max_length=500, default="")  # a ticket or a commit

    class Meta:
        indexes: ClassVar = [
            # Readers: the ledger's page and list, alerts.
            models.Index(fields=["game", "-last_seen_at"], name="leaks_of_a_game"),
        ]

    def __str__(self) -> str:
        return self.summary


class LeakEvent(models.Model):
    """What became of a leak, step by step."""

    leak = models.ForeignKey(Leak, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    state = models.CharField(max_length=10)
    rung = models.CharField(max_length=10)
    place_version = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["leak", "at"], name="events_of_a_leak")]
