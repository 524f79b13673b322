"""Every write to games, members and keys: one transaction, its audit entry within; `now` comes from the edge."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from connmon.accounts.addresses import note_verified
from connmon.accounts.audit import UNNAMED, Actor, record
from connmon.accounts.models import ApiKey, Game, Membership, Role, Scope, SetupToken, User
from connmon.core import ids
from connmon.core.errors import Conflict, Invalid, NotFound

SETUP_TOKEN_LIFE: Final = timedelta(hours=24)
REPORT_INTERVAL: Final = 10.0  # seconds: 1.2 % of the requests that a Roblox server may make
LIVE_KEYS_PER_NAME: Final = 2  # the old one and the new one while servers are moved over


def issue_setup_token(*, now: datetime) -> str | None:
    """A one-time token to become the first member; None when there is a member. Earlier tokens end."""
    with transaction.atomic():
        if User.objects.exists():
            return None
        SetupToken.objects.filter(used_at=None).delete()
        token = ids.new_token()
        SetupToken.objects.create(digest=ids.digest(token), expires_at=now + SETUP_TOKEN_LIFE)
    return token


def create_first_member(*, token: str, email: str, password: str, now: datetime) -> User:
    """The first user, admin of the Demo game if there is one. Raises NotFound for a token used, late or unknown."""
    check_credentials(email, password)
    with transaction.atomic():
        used = SetupToken.objects.filter(digest=ids.digest(token), used_at=None, expires_at__gt=now).update(used_at=now)
        if not used or User.objects.exists():
            raise NotFound("This setup link was used or has expired. `manage.py setuplink` prints a new one.")
        user = User.objects.create_superuser(email, password)
        note_verified(user)  # whoever has the setup link runs this installation
        by = Actor.of_user(user)
        record(None, "user.created", target=user.email, by=by, now=now, reason="first member, by the setup link")
        for game in Game.objects.filter(is_demo=True):
            add_member(game, user=user, role=Role.ADMIN, now=now, by=by)
    return user


def check_credentials(email: str, password: str) -> None:
    """Raises Invalid, in words for whoever chose them."""
    try:
        validate_email(email)
        validate_password(password, User(email=email))
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None


def create_game(*, name: str, owner: User, now: datetime) -> Game:
    """A game with `owner` as its admin."""
    by = Actor.of_user(owner)
    with transaction.atomic():
        game = create_game_without_members(name=name, now=now, by=by)
        add_member(game, user=owner, role=Role.ADMIN, now=now, by=by)
    return game


def create_game_without_members(
    *,
    name: str,
    now: datetime,
    is_demo: bool = False,
    report_interval: float = REPORT_INTERVAL,
    by: Actor = UNNAMED,
) -> Game:
    """A game that nobody is in yet, with a slug of its own; `report_interval` in seconds."""
    name = name.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise Invalid("A game's name has 1 to 80 printable characters.")
    base = slugify(name)[:32] or "game"
    taken = set(Game.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    slug = next(s for s in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if s not in taken)
    with transaction.atomic():
        game = Game.objects.create(
            name=name, slug=slug, is_demo=is_demo, report_interval=report_interval, created_at=now
        )
        after = {"name": name, "slug": slug, "report_interval": report_interval}
        record(game, "game.created", target=name, by=by, now=now, after=after)
    return game


def add_member(game: Game, *, user: User, role: Role, now: datetime, by: Actor = UNNAMED) -> Membership:
    """Puts a user into a game, or gives a member another role."""
    with transaction.atomic():
        # Locked, so that the role before is the one that this call replaces.
        known = Membership.objects.select_for_update().filter(game=game, user=user).first()
        membership, _ = Membership.objects.update_or_create(
            game=game, user=user, defaults={"role": role}, create_defaults={"role": role, "created_at": now}
        )
        if known is None:
            record(game, "member.added", target=user.email, by=by, now=now, after={"role": role})
        elif known.role != role:
            before = {"role": known.role}
            record(game, "member.role", target=user.email, by=by, now=now, before=before, after={"role": role})
    return membership


def issue_key(
    game: Game,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
    by: Actor = UNNAMED,
) -> ids.NewKey:
    """A key whose plaintext is in the answer and nowhere else. Raises Invalid, Conflict (two of the name live)."""
    name = name.strip()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise Invalid("A key's name has 1 to 60 printable characters.")
    if not scopes or set(scopes) - set(Scope.values):
        raise Invalid(f"A key's scopes are one or more of {', '.join(Scope.values)}.")
    if expires_at is not None and expires_at <= now:
        raise Invalid("A key expires in the future or never.")
    key = ids.new_key()
    with transaction.atomic():
        # Locked so that two rotations at once cannot both count one live key.
        Game.objects.select_for_update().get(pk=game.pk)
        live = ApiKey.objects.filter(_live(now), game=game, name=name).count()
        if live >= LIVE_KEYS_PER_NAME:
            raise Conflict(f"Two keys named {name!r} are live; revoke one before the next rotation.")
        ApiKey.objects.create(
            id=key.id,
            game=game,
            name=name,
            digest=ids.digest(key.secret),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
        after = {"scopes": sorted(set(scopes)), "expires_at": expires_at}
        record(game, "key.issued", target=f"{name} ({key.id})", by=by, now=now, after=after)
    return key


def revoke_key(game: Game, *, key_id: str, now: datetime, by: Actor = UNNAMED) -> None:
    """Ends a key at once: ingest checks keys in the transaction that takes a report. Twice is once."""
    key = ApiKey.objects.filter(game=game, pk=key_id).first()
    if key is None:
        raise NotFound("This game has no such key.")
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
            record(game, "key.revoked", target=str(key), by=by, now=now, before={"scopes": key.scopes})


def _live(now: datetime) -> Q:
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
