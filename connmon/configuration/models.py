"""Revisions of each game's configuration. A revision is never changed; going back to one makes a new one."""

from typing import ClassVar

from django.db import models


class Revision(models.Model):
    """What was set from then on: the overrides in full, and how they differ from the revision before."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="revisions")
    number = models.IntegerField()  # 1, 2, 3 … in each game; agents report the one they run
    settings = models.JSONField()  # {section: {name: value}}, only what differs from the defaults
    services = models.JSONField()  # {service: {section: {name: value}}}
    changes = models.JSONField()  # rules.compare with the revision before
    rolled_back_to = models.IntegerField(null=True)  # the revision whose values these are
    author_kind = models.CharField(max_length=10)
    author = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["game", "number"], name="one_revision_per_number"),
        ]

    def __str__(self) -> str:
        return f"revision {self.number}"
