"""One look at a game, every minute: what it holds now, what that says, what becomes of its ledger."""

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from connmon.leaks import ledger
from connmon.leaks import statements as sql
from connmon.leaks.cohorts import START_UP, YOUNG
from connmon.leaks.departures import count_departures
from connmon.leaks.evidence import Verdict
from connmon.leaks.models import Origin
from connmon.leaks.rules import Watch, judge
from connmon.leaks.totals import over_all_servers
from connmon.leaks.tracks import read_tracks

LOOK_EVERY: Final = 60.0  # seconds
ROOM: Final = 0x6C65616B  # advisory lock, with the game: of two workers one looks at it
ORIGINS_PER_GAME: Final = 20_000  # a game with sites made at run time would fill every table
SIGHTINGS: Final = 20_000  # new ones in one look at a game


def games_to_look_at(*, now: datetime) -> list[int]:
    """Games with a server that reports: nothing is said of the others."""
    with connection.cursor() as cursor:
        cursor.execute(sql.GAMES, {"now": now})
        return [game_id for (game_id,) in cursor.fetchall()]


def look_at(game_id: int, *, now: datetime) -> int | None:
    """One look; returns how many sites a verdict was passed on. None: another worker looks at this game."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.TRY_LOCK, {"room": ROOM, "game": game_id})
        if not cursor.fetchone()[0]:
            return None
        values = _values(game_id, now)
        for statement in (
            sql.COUNT,
            sql.ADD_ORIGINS,
            sql.TOUCH_ORIGINS,
            sql.ADD_TICKS,
            sql.FORGET_SIGHTINGS,
            sql.ADD_SIGHTINGS,
        ):
            cursor.execute(statement, values)
        count_departures(game_id, now=now)
        verdicts = over_all_servers(game_id, _judge_sites(now), now=now)
        cursor.execute("DROP TABLE leaks_counted")
        ledger.write(game_id, verdicts, now=now)
        ledger.close_fixed(game_id, now=now)
    return len(verdicts)


def _values(game_id: int, now: datetime) -> dict[str, Any]:
    return {
        "game": game_id,
        "now": now,
        "at": now.replace(second=0, microsecond=0),
        "start_up": START_UP,
        "old": now.timestamp() - YOUNG,
        "player": sql.PLAYER,
        "system": sql.SYSTEM,
        "agent": sql.AGENT,
        "orphaned": sql.ORPHANED,
        "stale": sql.STALE,
        "most": SIGHTINGS,
        "origins": ORIGINS_PER_GAME,
    }


def _judge_sites(now: datetime) -> dict[Origin, Verdict]:
    """Verdicts by origin; what the rule wants to remember is kept with the origin."""
    tracks = read_tracks(now=now)
    found: dict[Origin, Verdict] = {}
    changed = []
    for origin in Origin.objects.filter(pk__in=tracks).select_related("service"):
        before = _watch_of(origin)
        verdict, watch = judge(tracks[origin.pk], before, now=now.timestamp())
        if watch != before:
            origin.grows_since = _moment(watch.since if watch else None, now)
            origin.growth_seen_at = _moment(watch.seen if watch else None, now)
            changed.append(origin)
        if verdict is not None:
            found[origin] = verdict
    Origin.objects.bulk_update(changed, ["grows_since", "growth_seen_at"])
    return found


def _watch_of(origin: Origin) -> Watch | None:
    if origin.grows_since is None or origin.growth_seen_at is None:
        return None
    return Watch(origin.grows_since.timestamp(), origin.growth_seen_at.timestamp())


def _moment(seconds: float | None, now: datetime) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=now.tzinfo)
