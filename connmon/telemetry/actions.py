"""Makes history of the registry's current state, rolls it up, and drops what is too old."""

from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from django.conf import settings
from django.db import connection, transaction

from connmon.registry.states import STATES, ConnectionState
from connmon.telemetry import profiles, rollups, sampling
from connmon.telemetry.models import RetentionClock, Tick, TickKind
from connmon.telemetry.partitions import drop_partitions, ensure_partitions
from connmon.telemetry.resolutions import MINUTE, STEPS, TICK, finer, floor
from connmon.telemetry.tables import FLEET
from connmon.telemetry.ticks import taking, tick_before

SAMPLE_INTERVAL: Final = float(TICK)  # seconds
LATE: Final = timedelta(seconds=15)  # after the end of a span until it is rolled up: its last samples are made by then
TYPES_SHARE: Final = 20  # counting the registry by type takes at most one part in so many of the time
COUNTED: Final = 1  # the key of RetentionClock's row
MOST_ADVANCE: Final = timedelta(hours=1)  # that one run of retention believes the clock
SPANS_AHEAD: Final = 1

# The oldest span of a step that has rows of the finer one and no row of its own. There is nothing to roll up where
# there was nothing: gaps stay gaps.
NEXT_SPAN: Final[LiteralString] = """
    SELECT min(at) FROM telemetry_tick
    WHERE kind = 'state' AND step = %(finer)s AND at < %(until)s AND at >= coalesce(
        (SELECT max(at) + make_interval(secs => step) FROM telemetry_tick
         WHERE kind = 'state' AND step = %(step)s AND at < %(until)s GROUP BY step), '-infinity')
"""
FORGET_SERVERS: Final[LiteralString] = "DELETE FROM telemetry_serversample WHERE game_id = %s"
LAST_TYPES: Final[LiteralString] = """
    SELECT at, took FROM telemetry_tick WHERE kind = 'types' AND step = %s AND at <= %s ORDER BY at DESC LIMIT 1
"""


def tick_of(now: datetime) -> datetime:
    """The moment that a sample made at `now` stands for: the last full SAMPLE_INTERVAL."""
    return floor(now, TICK)


def make_samples(*, now: datetime) -> int:
    """One sample of every reporting server, its services and pools, and of the games; how many rows of the fleet.

    Stamped with the tick of `now`, and made once, whoever comes twice.
    """
    at = tick_of(now)
    ensure_partitions(TICK, at)
    with taking(TickKind.STATE, TICK, at) as ours:
        if not ours:
            return 0
        before = tick_before(at, step=TICK)
        seconds = int((at - before).total_seconds()) if before else 0
        values: dict[str, Any] = {"at": at, "now": now, "before": before, "seconds": seconds}
        made = 0
        with connection.cursor() as cursor:
            cursor.execute(sampling.SERVERS, values)
            for statement in (sampling.SERVICES, sampling.POOLS, sampling.GAMES):
                cursor.execute(statement, values)
                made += cursor.rowcount
    return made


def make_type_samples(*, now: datetime) -> int:
    """Once a minute: every game's connections by service and type, and new place versions; how many rows.

    Counting a large registry takes a while: then it is done less often, see TYPES_SHARE.
    """
    at = floor(now, MINUTE)
    if _would_cost_too_much(at):
        return 0
    ensure_partitions(MINUTE, at)
    with taking(TickKind.TYPES, MINUTE, at) as ours:
        if not ours:
            return 0
        values: dict[str, Any] = {state.value: STATES.index(state) for state in ConnectionState}
        values |= {"at": at, "now": now, "most": sampling.MOST_TYPES}
        with connection.cursor() as cursor:
            cursor.execute(sampling.VERSIONS, {"now": now})
            cursor.execute(sampling.TYPES, values)
            made: int = cursor.rowcount
    return made


def make_profile_samples(*, now: datetime) -> int:
    """Once a minute: what callbacks have cost since the last time, by service, type and site; how many rows."""
    at = floor(now, MINUTE)
    ensure_partitions(MINUTE, at)
    with taking(TickKind.PROFILES, MINUTE, at) as ours, connection.cursor() as cursor:
        if not ours:
            return 0
        cursor.execute(profiles.SAMPLE, {"at": at})
        made: int = cursor.rowcount
    return made


def roll_up(*, now: datetime) -> bool:
    """Rolls up the next span that is over, finest step first; whether there was one, and no other worker took it."""
    for step in STEPS[1:]:
        until = floor(now - LATE, step)
        since = _next_span(step, until)
        if since is not None:
            return _roll(step, floor(since, step))
    return False


def drop_old(*, now: datetime) -> list[str]:
    """Drops the partitions that are past their retention, and makes those that come next; names of what went."""
    for step in STEPS:
        ensure_partitions(step, now, ahead=SPANS_AHEAD)
    counted = _advance(now)
    dropped = []
    for step in STEPS:
        before = counted - settings.HISTORY_KEEP[step]
        dropped += drop_partitions(step, before=before)
        Tick.objects.filter(step=step, at__lt=before).delete()
    profiles.drop_ended(now=now)
    return dropped


def forget_game(game_id: int) -> None:
    """Deletes a game's history. Slow where there is much of it: rows lie between those of other games."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FORGET_SERVERS, [game_id])
        for table in FLEET:
            statement: LiteralString = f"DELETE FROM {table.name} WHERE game_id = %s"
            cursor.execute(statement, [game_id])
        cursor.execute("DELETE FROM telemetry_placeversion WHERE game_id = %s", [game_id])


def _would_cost_too_much(at: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LAST_TYPES, [MINUTE, at])
        last = cursor.fetchone()
    return last is not None and (at - last[0]).total_seconds() < last[1] * TYPES_SHARE


def _next_span(step: int, until: datetime) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SPAN, {"step": step, "finer": finer(step), "until": until})
        since: datetime | None = cursor.fetchone()[0]
    return since


def _roll(step: int, since: datetime) -> bool:
    ensure_partitions(step, since)
    with taking(TickKind.STATE, step, since) as ours, connection.cursor() as cursor:
        if not ours:
            return False
        values: dict[str, Any] = {"step": step, "finer": finer(step), "since": since}
        values["until"] = since + timedelta(seconds=step)
        cursor.execute(rollups.ROLL_SERVERS, values)
        for table in FLEET:
            if step > table.finest:
                cursor.execute(rollups.ROLL_FLEET[table.name], values)
    return True


def _advance(now: datetime) -> datetime:
    """The time that retention believes. It follows the clock, but ahead by MOST_ADVANCE a run at most."""
    with transaction.atomic():
        clock, _ = RetentionClock.objects.select_for_update().get_or_create(pk=COUNTED, defaults={"at": now})
        clock.at = min(now, clock.at + MOST_ADVANCE)
        clock.save()
    return clock.at
