"""Plans, their orders, what came back, sweeps. A row's state says what is to be done next, and `next_at` when.

Ids of orders are random: an agent that remembers one must never meet it again, whatever becomes of this database.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from connmon.cleanup.states import ACTIVE


class Plan(models.Model):
    """What is to be closed, why, who said so, and how far it is."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="plans")
    origin = models.CharField(max_length=10)
    scope = models.JSONField()  # cleanup/scope.py
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10)
    detail = models.CharField(max_length=300, default="")  # why it ended as it did
    created_at = models.DateTimeField()
    created_kind = models.CharField(max_length=10)
    created_by_id = models.CharField(max_length=64)
    created_by = models.CharField(max_length=254)
    executed_kind = models.CharField(max_length=10, default="")
    executed_by_id = models.CharField(max_length=64, default="")
    executed_by = models.CharField(max_length=254, default="")
    next_at = models.DateTimeField()  # planned: expires; held: runs; running, watching: the next look at it
    summary = models.JSONField()  # cleanup/preview.py: what the dry run counted
    planned = models.BigIntegerField()  # connections, of the dry run
    ordered = models.BigIntegerField(default=0)  # connections, counted again when it ran
    servers = models.IntegerField(default=0)  # that have orders
    released = models.IntegerField(default=0)  # of these, whose turn has come
    canary = models.BooleanField()  # one server first, the others when it has answered
    servers_per_second = models.FloatField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)  # when the last order ended
    watched_until = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # Reader: cleanup/steps.py, which takes what is due.
            models.Index(fields=["next_at"], name="plans_due", condition=models.Q(state__in=ACTIVE)),
            # Reader: a game's history of plans.
            models.Index(fields=["game", "-id"], name="plans_of_a_game"),
        ]
        constraints: ClassVar = [
            # Two sweeps at once: the second finds the first one's plan and orders nothing.
            models.UniqueConstraint(
                fields=["game", "origin"],
                condition=models.Q(origin__in=["sweep", "threshold"], state__in=["held", "running"]),
                name="one_automatic_plan_at_a_time",
            ),
        ]


class Order(models.Model):
    """At most CHUNK connections of one server. The arrays of what to close run in parallel."""

    id = models.CharField(primary_key=True, max_length=64)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="orders")
    server_id = models.BigIntegerField()
    place = models.IntegerField()  # of its server in the plan's row of servers; 0 is the canary
    state = models.CharField(max_length=10)
    connection_ids = ArrayField(models.BigIntegerField())
    opened_at = ArrayField(models.FloatField())  # as the agent sent them: compared exactly before it closes
    service_ids = ArrayField(models.IntegerField())
    players = models.IntegerField()  # on the server when the order was made
    created_at = models.DateTimeField()
    deliver_at = models.DateTimeField(null=True)  # not (again) before
    expires_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)  # first time
    sends = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    closed = ArrayField(models.BigIntegerField(), default=list)
    gone = ArrayField(models.BigIntegerField(), default=list)
    changed = ArrayField(models.BigIntegerField(), default=list)
    failed = models.IntegerField(default=0)  # connections that the outcome did not account for
    detail = models.CharField(max_length=300, default="")
    woken = models.BooleanField(default=False)  # Open Cloud was asked to wake its server

    class Meta:
        indexes: ClassVar = [
            # Readers: delivery, which asks for one server's orders, and which servers have any.
            models.Index(
                fields=["server_id"],
                name="orders_to_deliver",
                condition=models.Q(state__in=["pending", "sent"]),
            ),
            # Reader: a server's page, its newest orders.
            models.Index(fields=["server_id", "-created_at"], name="orders_of_a_server"),
            # Readers: a plan's progress, guards, release of its next servers.
            models.Index(fields=["plan", "place"], name="orders_of_a_plan"),
            # Reader: cleanup/steps.py, which ends what nobody answered.
            models.Index(
                fields=["expires_at"], name="orders_to_expire", condition=models.Q(state__in=["pending", "sent"])
            ),
        ]


class Fingerprint(models.Model):
    """One kind of connection that a plan ordered closed, and how many of it came back."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="fingerprints")
    service_id = models.IntegerField()
    type = models.TextField()
    site = models.TextField()
    ordered = models.BigIntegerField()
    came_back = models.BigIntegerField(default=0)  # opened on the same servers since the plan began

    class Meta:
        indexes: ClassVar = [models.Index(fields=["plan"], name="fingerprints_of_a_plan")]


class Request(models.Model):
    """An Idempotency-Key that was used: the same request again is answered with the same plan."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="+")
    key = models.CharField(max_length=128)
    digest = models.BinaryField(max_length=32)  # of what was asked for
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["game", "key"], name="one_request_per_key")]


class Rota(models.Model):
    """When a game is swept next, and when an automatic emergency may fire again."""

    game = models.OneToOneField("accounts.Game", models.CASCADE, primary_key=True, related_name="rota")
    sweep_at = models.DateTimeField()
    emergency_at = models.DateTimeField()


class Sweep(models.Model):
    """One stale sweep of a game: what it found and did, or why it did nothing."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="sweeps")
    at = models.DateTimeField()
    by = models.CharField(max_length=254)
    skipped = models.CharField(max_length=200)  # why nothing was looked at; "" otherwise
    lost = models.IntegerField(default=0)  # servers whose lease was newly over
    returned = models.IntegerField(default=0)
    gone = models.IntegerField(default=0)  # servers ended, silent for GONE_AFTER
    stale = models.BigIntegerField(default=0)  # connections of reporting servers
    plan = models.ForeignKey(Plan, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["game", "-id"], name="sweeps_of_a_game")]


class Overrun(models.Model):
    """A server above EMERGENCY_CLEANUP_THRESHOLD of its budget; the rule is armed again when it is well below."""

    server_id = models.BigIntegerField(primary_key=True)
    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="+")
    since = models.DateTimeField()
    what = models.CharField(max_length=120)
