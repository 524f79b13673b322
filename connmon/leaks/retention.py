"""What the leaks room forgets, and when."""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import connection, transaction

from connmon.leaks.models import Origin, Tidiness

TICKS_KEPT: Final = timedelta(hours=6)
ORIGINS_KEPT: Final = timedelta(hours=12)  # sites that hold nothing and never leaked; seen_at is up to an hour old
LEDGER_KEPT: Final = timedelta(days=365)  # since a leak was last seen

DROP_TICKS: Final[LiteralString] = "DELETE FROM leaks_tick WHERE at < %(ticks)s"
DROP_ORIGINS: Final[LiteralString] = """
    DELETE FROM leaks_origin o
    WHERE o.seen_at < %(origins)s AND NOT EXISTS (SELECT FROM leaks_leak l WHERE l.origin_id = o.id)
"""
# Rows of servers that are forgotten, a removed game's among them.
DROP_STRAYS: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM leaks_sighting x WHERE NOT EXISTS (SELECT FROM registry_gameserver g WHERE g.id = x.server_id)",
    "DELETE FROM leaks_roll x WHERE NOT EXISTS (SELECT FROM registry_gameserver g WHERE g.id = x.server_id)",
    "DELETE FROM leaks_departure x WHERE NOT EXISTS (SELECT FROM registry_gameserver g WHERE g.id = x.server_id)",
    "DELETE FROM leaks_tidiness x WHERE NOT EXISTS (SELECT FROM accounts_game g WHERE g.id = x.game_id)",
)


def drop_old(*, now: datetime) -> None:
    """Deletes what is past its retention, and what belongs to nobody any more."""
    values = {"ticks": now - TICKS_KEPT, "origins": now - ORIGINS_KEPT}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in (DROP_TICKS, DROP_ORIGINS, *DROP_STRAYS):
            cursor.execute(statement, values)
        Origin.objects.filter(leak__last_seen_at__lt=now - LEDGER_KEPT).delete()
        Tidiness.objects.filter(hour__lt=now - LEDGER_KEPT).delete()
