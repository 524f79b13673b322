"""The setup page: keys, refused reports, and whether the first report has come."""

from datetime import datetime

from django.db.models import F, QuerySet
from msgspec import Struct

from connmon.accounts.models import ApiKey
from connmon.registry.models import GameServer, RefusedReport

REFUSED_MAX = 100  # rows shown; the newest first


class RefusedRow(Struct, frozen=True):
    """Refused reports of one server, for one reason at one place in the body."""

    id: int
    server: str
    code: str
    pointer: str
    detail: str
    excerpt: str
    count: int
    first_at: datetime
    last_at: datetime


class KeyUse(Struct, frozen=True):
    """When a key was last used."""

    id: str
    last_used_at: datetime | None


class SetupLive(Struct, frozen=True):
    """What the setup page shows that changes. `first_report_at` is None until a server has reported."""

    first_report_at: datetime | None
    servers: int
    refused: list[RefusedRow]
    keys: list[KeyUse]


def keys(game_id: int) -> QuerySet[ApiKey]:
    """The game's keys: live ones first, then by name and age."""
    return ApiKey.objects.filter(game_id=game_id).order_by(
        F("revoked_at").desc(nulls_first=True), "name", "-created_at"
    )


def setup_live(game_id: int, *, now: datetime) -> SetupLive:
    servers = GameServer.objects.filter(game_id=game_id, first_seen_at__lte=now)
    refused = RefusedReport.objects.filter(game_id=game_id).order_by("-last_at", "-id")[:REFUSED_MAX]
    columns = ("id", "server", "code", "pointer", "detail", "excerpt", "count", "first_at", "last_at")
    uses = ApiKey.objects.filter(game_id=game_id, revoked_at__isnull=True).order_by("id")
    return SetupLive(
        first_report_at=servers.order_by("first_seen_at").values_list("first_seen_at", flat=True).first(),
        servers=servers.count(),
        refused=[RefusedRow(*row) for row in refused.values_list(*columns)],
        keys=[KeyUse(*row) for row in uses.values_list("id", "last_used_at")],
    )
