"""The audit trail's one way in: who did what, written in the very transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from connmon.accounts.models import ActorKind, ApiKey, AuditEntry, Game, User

MAX_REASON: Final = 500  # characters


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `id` for programs, `label` for people."""

    kind: ActorKind
    id: str
    label: str

    @classmethod
    def of_user(cls, user: User) -> "Actor":
        return cls(ActorKind.USER, str(user.pk), user.email)

    @classmethod
    def of_key(cls, key: ApiKey) -> "Actor":
        return cls(ActorKind.KEY, key.pk, str(key))

    @classmethod
    def of_command(cls, account: str) -> "Actor":
        """Somebody at the command line; `account` is the system account's name."""
        return cls(ActorKind.COMMAND, account[:64], f"{account[:64]} (manage.py)")

    @classmethod
    def of_job(cls, name: str) -> "Actor":
        """connmon itself, under the rule `name`."""
        return cls(ActorKind.JOB, name, name)


UNNAMED: Final = Actor(ActorKind.UNKNOWN, "", "not named")


def record(
    game: Game | None,
    action: str,
    *,
    target: str,
    by: Actor,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Adds an entry. Outside a transaction it raises: an entry must stand or fall with what it tells of."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{action!r} is recorded outside the transaction that does it; wrap both in atomic().")
    AuditEntry.objects.create(
        game_id=game.pk if game else None,
        game_name=game.name if game else "",
        at=now,
        actor_kind=by.kind,
        actor_id=by.id,
        actor=by.label[:254],
        action=action,
        target=target[:200],
        before=before,
        after=after,
        reason=reason[:MAX_REASON],
    )
