"""Rules, alerts, their transitions, and who is told. Transitions that were not dispatched are the outbox."""

from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from django.db import models

from connmon.alerts.fields import SealedField


class Watch(models.Model):
    """One row for the installation: when alerts were last evaluated, and since when without a gap."""

    last_at = models.DateTimeField()
    up_since = models.DateTimeField()


class Desk(models.Model):
    """That a game was given its default rules: whoever deletes one does not get it back."""

    game = models.OneToOneField("accounts.Game", models.CASCADE, primary_key=True, related_name="+")
    made_at = models.DateTimeField()


class Rule(models.Model):
    """What is alarming in a game."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="alert_rules")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=24)
    series = models.CharField(max_length=20, default="")  # of kind threshold only
    service = models.CharField(max_length=128, default="")  # "" the game, "*" every service by itself, or its name
    comparator = models.CharField(max_length=10)
    threshold = models.FloatField()
    hold_seconds = models.IntegerField()  # it fires when it has held for so long
    keep_seconds = models.IntegerField()  # it resolves when it has not held for so long
    severity = models.CharField(max_length=10)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["game", "name"], name="one_rule_per_name")]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """A rule that holds, or held. It keeps its rule's words, so that it outlives the rule."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="alerts")
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, related_name="alerts")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=24)
    severity = models.CharField(max_length=10)
    service = models.CharField(max_length=128)
    state = models.CharField(max_length=10)
    summary = models.CharField(max_length=300)  # one sentence, of the last time it held
    value = models.FloatField()
    things = models.JSONField()  # names of what is affected, worst first, at most LISTED
    count = models.IntegerField()  # of all that is affected
    since = models.DateTimeField()  # it holds since
    fired_at = models.DateTimeField(null=True)
    clear_since = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True)  # when people were first told
    snoozed_until = models.DateTimeField(null=True)
    snoozed_by = models.CharField(max_length=254, default="")

    class Meta:
        indexes: ClassVar = [
            # Reader: a game's history.
            models.Index(fields=["game", "-id"], name="alerts_of_a_game"),
            # Reader: retention.
            models.Index(fields=["resolved_at"], name="resolved_alerts", condition=models.Q(resolved_at__isnull=False)),
        ]
        constraints: ClassVar = [
            # Two workers at once: the second finds the first one's alert. Reader too: evaluation.
            models.UniqueConstraint(
                fields=["rule"], condition=models.Q(state__in=["pending", "firing"]), name="one_open_alert_per_rule"
            ),
        ]


class Transition(models.Model):
    """An alert fired or resolved. `dispatched_at` None: nobody was told yet, which is due at `due_at`."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="transitions")
    to_state = models.CharField(max_length=10)  # firing, resolved
    at = models.DateTimeField()
    due_at = models.DateTimeField()  # later than `at` while the alert is snoozed or silenced
    dispatched_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # Reader: outbox.py, which dispatches what is due.
            models.Index(fields=["due_at"], name="transitions_due", condition=models.Q(dispatched_at__isnull=True)),
        ]


class Silence(models.Model):
    """Nobody is told of alerts that match, for a time. An empty field matches all."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="silences")
    rule = models.ForeignKey(Rule, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=24, default="")
    service = models.CharField(max_length=128, default="")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["game", "ends_at"], name="silences_of_a_game")]

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.starts_at <= now < self.ends_at

    def matches(self, alert: Alert) -> bool:
        """Whether it speaks of this alert."""
        return (
            self.rule_id in (None, alert.rule_id)
            and self.kind in ("", alert.kind)
            and self.service in ("", alert.service)
        )


class Destination(models.Model):
    """Somebody who is told. Address and secret are never shown again: chat addresses are secrets themselves."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="alert_destinations")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10)
    address = SealedField()  # https://… or an e-mail address
    secret = SealedField(default="")  # signs a webhook's messages
    least_severity = models.CharField(max_length=10)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["game", "name"], name="one_destination_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_address(self) -> str:
        """What may be shown of the address: the host, or an e-mail address whole."""
        if not self.is_readable:
            return "cannot be read any more"
        return self.address if self.kind == "email" else f"https://{urlsplit(self.address).hostname}/…"

    @property
    def is_readable(self) -> bool:
        """Whether address and secret could be unsealed: not so if SECRET_KEY was changed without a fallback."""
        return bool(self.address)

    @property
    def has_secret(self) -> bool:
        return bool(self.secret)


class Delivery(models.Model):
    """One message to one destination. `event` is what happened, in plain values; its form is made when it is sent."""

    destination = models.ForeignKey(Destination, models.CASCADE, related_name="deliveries")
    alert = models.ForeignKey(Alert, models.CASCADE, null=True, related_name="deliveries")  # None: a test
    event = models.JSONField()
    state = models.CharField(max_length=10)
    attempts = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()  # not (again) before
    ended_at = models.DateTimeField(null=True)
    detail = models.CharField(max_length=300, default="")  # what the last attempt came to

    class Meta:
        indexes: ClassVar = [
            # Reader: outbox.py, which sends what is due.
            models.Index(fields=["next_at"], name="deliveries_due", condition=models.Q(state="pending")),
            # Readers: a destination's deliveries, the dead-letter list.
            models.Index(fields=["destination", "-id"], name="deliveries_of_a_destination"),
        ]


class RefusalMark(models.Model):
    """How many reports of a game had been refused at a moment: refusals are kept as totals, alarms want a rate."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="+")
    at = models.DateTimeField()
    total = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["game", "at"], name="one_refusal_mark_per_moment")]
