"""Games (the tenants), their members and keys. Everything is reached from the game of a key or a member."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
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
