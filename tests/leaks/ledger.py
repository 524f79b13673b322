"""Entries of the ledger, written straight into the tables."""

from datetime import datetime, timedelta
from typing import Any

from connmon.accounts.models import Game
from connmon.leaks.models import Leak, Origin
from tests.dashboard.factories import put_service

LINE = {"start": 1_763_895_600.0, "end": 1_763_899_200.0, "rise": 60.0, "error": 4.0, "per_hour": 60.0}


def put_leak(
    game: Game,
    service: str = "CombatService",
    *,
    now: datetime,
    site: str = "Combat:118",
    kind: str = "Humanoid.Died",
    **fields: Any,
) -> Leak:
    """A confirmed leak that was seen a minute ago."""
    origin = Origin.objects.create(game=game, service=put_service(game, service), type=kind, site=site, seen_at=now)
    values = {
        "rung": "confirmed",
        "cause": "orphaned",
        "state": "new",
        "summary": f"14 connections stayed connected after the owner had gone: {service}, {kind}, opened at {site}.",
        "count": 14,
        "evidence": {"owners": ["player:261"], "servers": ["server-1"], "server_count": 1, "players": 12, "line": None},
        "since": now - timedelta(hours=1),
        "first_seen_at": now - timedelta(hours=1),
        "last_seen_at": now - timedelta(minutes=1),
        "versions": [142],
    }
    return Leak.objects.create(game=game, origin=origin, **values | fields)
