"""History: what the registry's current state was, at regular moments."""

from typing import ClassVar

from django.db import models


class ServiceSample(models.Model):
    """One service over all reporting servers of a game, every SAMPLE_INTERVAL."""

    pk = models.CompositePrimaryKey("game_id", "at", "service_id")
    game_id = models.BigIntegerField()
    at = models.DateTimeField()
    service_id = models.IntegerField()
    servers = models.IntegerField()
    live = models.BigIntegerField()
    opened = models.BigIntegerField()
    closed = models.BigIntegerField()
    idle = models.BigIntegerField()
    orphaned = models.BigIntegerField()
    stale = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            # Reader: retention, which deletes what is older than its deadline.
            models.Index(fields=["at"], name="samples_by_age"),
        ]


class GameSample(models.Model):
    """A game over all its reporting servers, every SAMPLE_INTERVAL."""

    pk = models.CompositePrimaryKey("game_id", "at")
    game_id = models.BigIntegerField()
    at = models.DateTimeField()
    servers = models.IntegerField()
    players = models.BigIntegerField()
    memory_mb = models.FloatField()
    pool_hits = models.BigIntegerField()
    pool_misses = models.BigIntegerField()
