"""Uploaded sources of games by place version, and what the migrator found in them."""

from typing import ClassVar

from django.db import models


class Upload(models.Model):
    """The sources of one place version. A waiting or abandoned one is taken by the next worker that looks."""

    game = models.ForeignKey("accounts.Game", models.CASCADE, related_name="uploads")
    place_version = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)  # of paths and texts: a repeat is known by it
    state = models.CharField(max_length=10)
    reason = models.CharField(max_length=500, default="")  # why it failed
    created_at = models.DateTimeField()
    by = models.CharField(max_length=254)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)  # until then the worker that has it is believed to live
    steps = models.IntegerField(default=0)
    steps_done = models.IntegerField(default=0)
    file_count = models.IntegerField()
    refused = models.JSONField()  # [path, why] of what was not taken; refused_count may be more
    refused_count = models.IntegerField()
    rojo_path = models.CharField(max_length=500, default="")
    rojo = models.BinaryField(null=True)
    managed = models.IntegerField(default=0)
    harmless = models.IntegerField(default=0)
    leaks = models.IntegerField(default=0)
    unknown = models.IntegerField(default=0)  # stretches and files that could not be read

    class Meta:
        indexes: ClassVar = [
            # Readers: the list of a game's uploads, its newest one.
            models.Index(fields=["game", "-id"], name="uploads_of_a_game"),
            # Reader: the worker that looks for work.
            models.Index(fields=["id"], name="uploads_to_analyse", condition=models.Q(state__in=["queued", "running"])),
        ]

    def __str__(self) -> str:
        return f"source of version {self.place_version}"

    @property
    def sites(self) -> int:
        return self.managed + self.harmless + self.leaks

    @property
    def coverage(self) -> float | None:
        """The share of its connections that do not leak; None without any."""
        return 1 - self.leaks / self.sites if self.sites else None


class SourceFile(models.Model):
    """One file of an upload."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="files")
    path = models.TextField()
    text = models.BinaryField()  # zlib
    service = models.CharField(max_length=128, default="")
    place = models.TextField(default="")  # in the game, as the agent names it: ServerScriptService.CombatService
    module = models.TextField(default="")  # the last word of it
    problem = models.CharField(max_length=500, default="")  # why nothing is known of it
    managed = models.IntegerField(default=0)
    harmless = models.IntegerField(default=0)
    leaks = models.IntegerField(default=0)
    unread = models.IntegerField(default=0)
    complexity = models.CharField(max_length=10, default="")
    effort_minutes = models.IntegerField(default=0)
    patch = models.TextField(default="")
    outcome = models.CharField(max_length=20, default="")  # of the patch on the VM; "": it was not run
    outcome_reason = models.CharField(max_length=500, default="")  # why it was not run
    differences = models.JSONField(default=list)
    notes = models.JSONField(default=list)  # [line, text]
    shared = models.BinaryField(null=True)  # what its changes share: changes.py

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["upload", "path"], name="one_file_per_path")]

    def __str__(self) -> str:
        return self.path


class Finding(models.Model):
    """One place that connects, with its verdict."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="findings")
    file = models.ForeignKey(SourceFile, models.CASCADE, related_name="findings")
    service = models.CharField(max_length=128)
    site = models.TextField()  # as the agent names where a connection was made: ServerScriptService.CombatService:118
    line = models.IntegerField()
    end_line = models.IntegerField()
    column = models.IntegerField()
    code = models.CharField(max_length=200)  # the line it begins on
    signal = models.TextField()
    kind = models.CharField(max_length=128)
    method = models.CharField(max_length=64)
    function = models.CharField(max_length=200)
    frequency = models.CharField(max_length=20)
    verdict = models.CharField(max_length=10)
    severity = models.CharField(max_length=10)  # "" for what is no leak
    rank = models.SmallIntegerField()  # 0 no leak, 1 low, 2 medium, 3 high
    shape = models.CharField(max_length=40)
    reason = models.TextField()
    advice = models.TextField()
    fingerprint = models.CharField(max_length=200)
    outcome = models.CharField(max_length=20, default="")
    outcome_reason = models.TextField(default="")

    class Meta:
        indexes: ClassVar = [
            # Readers: findings of an upload on pages and over REST, the worst first.
            models.Index(fields=["upload", "-rank", "id"], name="findings_of_an_upload"),
        ]

    def __str__(self) -> str:
        return self.site


class Change(models.Model):
    """What of a file's rewrite is decided together, and what people decided."""

    file = models.ForeignKey(SourceFile, models.CASCADE, related_name="changes")
    finding = models.ForeignKey(Finding, models.CASCADE, related_name="changes", null=True)
    number = models.IntegerField()  # in the file, from 1
    line = models.IntegerField()
    why = models.CharField(max_length=500)
    parts = models.BinaryField()  # changes.py
    digest = models.BinaryField(max_length=32)  # knows it again in a later upload
    choice = models.CharField(max_length=10, default="open")
    written = models.BinaryField(null=True)  # what somebody wrote instead of its parts: changes.py
    decided_by = models.CharField(max_length=254, default="")
    decided_at = models.DateTimeField(null=True)
    revision = models.IntegerField(default=0)  # decisions so far: who decides names the one they saw

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "number"], name="one_change_per_number")]

    def __str__(self) -> str:
        return f"change {self.number}"

    @property
    def is_edited(self) -> bool:
        return self.written is not None
