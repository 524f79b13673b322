"""The members page: who is in a game, in what role, and whether a second factor guards them."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db.models import Case, Exists, IntegerField, OuterRef, Value, When
from msgspec import Struct

from connmon.accounts.models import Membership, Role


class MemberRow(Struct, frozen=True):
    """One member."""

    id: int  # the user's
    email: str
    role: Role
    since: datetime
    has_second_factor: bool


def members(game_id: int) -> list[MemberRow]:
    """The game's members, admins first, then by address."""
    factors = Authenticator.objects.filter(user_id=OuterRef("user_id"), type=Authenticator.Type.TOTP)
    rank = Case(*(When(role=role, then=Value(role.rank)) for role in Role), output_field=IntegerField())
    found = Membership.objects.filter(game_id=game_id).annotate(factor=Exists(factors), rank=rank)
    rows = found.order_by("-rank", "user__email").values_list("user_id", "user__email", "role", "created_at", "factor")
    return [MemberRow(user_id, email, Role(role), since, factor) for user_id, email, role, since, factor in rows]
