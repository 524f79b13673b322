"""Games (the tenants), their members and keys. Everything is reached from the game of a key or a member."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class UserManager(BaseUserManager["User"]):
    """Users are named by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, is_staff=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in."""

    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email


class Game(models.Model):
    """One game: the tenant. Nothing of a game is ever shown to another."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    is_demo = models.BooleanField(default=False)
    report_interval = models.FloatField(default=10.0)  # seconds between reports, told to agents in each answer
    created_at = models.DateTimeField()
    links_key = models.CharField(max_length=40, db_default="")  # signs links, beside SECRET_KEY; a new one ends all

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_demo"], condition=models.Q(is_demo=True), name="one_demo_game"),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; each role may do what those before it may."""

    VIEWER = "viewer", "Viewer"  # sees everything of the game
    PLANNER = "planner", "Planner"  # prepares cleanup plans
    APPROVER = "approver", "Approver"  # lets plans run
    ADMIN = "admin", "Admin"  # keys, members, configuration

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class Membership(models.Model):
    """A user in a game."""

    game = models.ForeignKey(Game, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["game", "user"], name="one_membership_per_game"),
        ]

    def may(self, role: Role) -> bool:
        """Whether this member's role reaches `role`."""
        return Role(self.role).rank >= role.rank


class Scope(models.TextChoices):
    """What a key may do."""

    REPORT = "report", "Report"  # game servers post with it
    READ = "read", "Read"  # everything that a viewer sees
    PLAN = "plan", "Plan"  # prepare cleanup plans
    EXECUTE = "execute", "Execute"  # let plans run, emergency cleanup


class ApiKey(models.Model):
    """A key, `cm_<id>_<secret>`; the secret itself is shown once and not kept."""

    id = models.CharField(primary_key=True, max_length=16)
    game = models.ForeignKey(Game, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=60)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class SetupToken(models.Model):
    """The right to become the first member, once. Stored as a digest."""

    digest = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Invitation(models.Model):
    """The right to join a game, once. Its link's token is stored as a digest."""

    game = models.ForeignKey(Game, models.CASCADE, related_name="invitations")
    digest = models.BinaryField(max_length=32, unique=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    email = models.EmailField(blank=True)  # "": for whoever has the link
    created_by = models.CharField(max_length=254)  # in words: it outlives who made it
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # used or taken back; the audit trail says which

    class Meta:
        indexes: ClassVar = [
            # Reader: the open invitations of a game, on its members page.
            models.Index(fields=["game"], name="open_invitations", condition=models.Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return self.email or f"link {self.pk}"


class OpenLink(models.Model):
    """A read-only link or badge that has not been ended; without the token, which is signed (accounts/links.py)."""

    code = models.CharField(max_length=40, unique=True)  # what its token names it by
    game = models.ForeignKey(Game, models.CASCADE, related_name="links")
    shown = models.CharField(max_length=10)
    subject_id = models.BigIntegerField()  # of the service or server; 0: the overview
    name = models.CharField(max_length=128)  # of what it shows, when it was made
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=254)
    until = models.DateTimeField(null=True)  # None: for ever

    def __str__(self) -> str:
        return f"{self.shown} of {self.name}"


class ActorKind(models.TextChoices):
    """Who did something."""

    USER = "user", "Person"  # a member, on a page
    KEY = "key", "Key"  # a program, over REST
    COMMAND = "command", "Command line"  # whoever may run manage.py, by the name of the system account
    JOB = "job", "Automatic"  # connmon by itself, under a rule
    UNKNOWN = "unknown", "Not named"  # the caller did not say


class AuditEntry(models.Model):
    """One thing that was done, for good: the database refuses to change, delete or truncate entries (migration 0002).

    It has no foreign keys, so that it outlives the game, key or user it tells of.
    """

    game_id = models.BigIntegerField(null=True)  # None: of the whole installation
    game_name = models.CharField(max_length=80)  # as it was then
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=64)  # user's number, key's id, account, job
    actor = models.CharField(max_length=254)  # the same for people
    action = models.CharField(max_length=60)  # what.happened; docs/audit.md names all
    target = models.CharField(max_length=200)  # to what, in words
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=500)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            # Readers: the audit page, list and export of one game, newest or oldest first.
            models.Index(fields=["game_id", "id"], name="audit_by_game"),
        ]
