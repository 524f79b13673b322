"""Every Celery task, and when beat sends it. A task takes ids, calls one action, and may run twice."""

import time
from functools import cache
from typing import Any

import redis
from celery.beat import BeatLazyFunc
from celery.schedules import crontab
from celery.signals import beat_init
from django.conf import settings
from django.utils import timezone

from connmon.accounts import sessions
from connmon.alerts import evaluate as alerts
from connmon.alerts import outbox
from connmon.alerts.outbound import Sender
from connmon.celery import app
from connmon.cleanup import settle, steps, sweep
from connmon.cleanup.opencloud import OpenCloud
from connmon.cleanup.threshold import watch_budgets
from connmon.cleanup.wake import wake_servers
from connmon.core.queues import URGENT
from connmon.leaks import look, retention
from connmon.registry import old_boots
from connmon.runtime import heartbeat
from connmon.source.analysis import LIMITS as ANALYSIS_LIMITS
from connmon.source.analysis import analyse_next
from connmon.telemetry import actions as telemetry
from connmon.telemetry.resolutions import MINUTE

HEARTBEAT_EVERY = 5.0  # seconds
DELIVER_EVERY = 5.0  # seconds
DELIVER_FOR = 20.0  # seconds that one run may begin new messages
ADVANCE_EVERY = 1.0  # seconds
BUDGETS_EVERY = 5.0  # seconds
ROLL_UP_EVERY = 20.0  # seconds
ROLL_UP_SECONDS = 60.0  # of one run; the next goes on
SWEEP_LOOK = 10.0  # seconds between two looks for games whose sweep is due; each game sets its own interval
SWEEP_SECONDS = 60.0  # of one run; the next look goes on
LEAKS_SECONDS = 50.0  # of one run, all games together
SESSIONS_AT = crontab(hour="3", minute="17")  # UTC; by the clock, so that it also runs where beat restarts each day
ANALYSE_EVERY = 3.0  # seconds
ADVANCE_SECONDS = 20.0  # of one run, so that a worker gets to other work too; the next second goes on


@app.task(name="connmon.heartbeat")
def leave_marks(sent_at: float) -> None:
    """Note that beat sent this at `sent_at` (Unix time) and that a worker runs it now. /readyz reads the notes."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        heartbeat.write(client, beat_at=sent_at, worker_at=time.time())


@app.task(name="connmon.make_samples", time_limit=60)
def make_samples() -> None:
    """History: what the registry holds now. A tick made twice is made once."""
    telemetry.make_samples(now=timezone.now())


@app.task(name="connmon.make_minute_samples", time_limit=60)
def make_minute_samples() -> None:
    """History: connections by type, and what callbacks cost. Twice within a minute is once."""
    telemetry.make_type_samples(now=timezone.now())
    telemetry.make_profile_samples(now=timezone.now())


@app.task(name="connmon.roll_up_history", time_limit=300)
def roll_up_history() -> None:
    """History: what is over becomes coarser. Several workers share it."""
    deadline = time.monotonic() + ROLL_UP_SECONDS
    while telemetry.roll_up(now=timezone.now()) and time.monotonic() < deadline:
        pass


@app.task(name="connmon.drop_old_samples")
def drop_old_samples() -> None:
    """History: what is past its retention; and partitions for what comes."""
    telemetry.drop_old(now=timezone.now())


@app.task(name="connmon.advance_cleanup", time_limit=120, queue=URGENT)
def advance_cleanup() -> None:
    """Cleanup: settle outcomes and take every due plan a step on. Many at once do no harm (cleanup/steps.py)."""
    deadline = time.monotonic() + ADVANCE_SECONDS
    while steps.step(now=timezone.now()) and time.monotonic() < deadline:
        pass
    if settings.OPEN_CLOUD_KEY:
        wake_servers(_open_cloud(), now=timezone.now())


@cache
def _open_cloud() -> OpenCloud:
    """One for each worker, so that it counts its calls."""
    return OpenCloud(settings.OPEN_CLOUD_KEY)


@app.task(name="connmon.watch_budgets", time_limit=60, queue=URGENT)
def watch_all_budgets() -> None:
    """Automatic emergencies of servers above their budgets. Twice at once fires once."""
    watch_budgets(now=timezone.now())


@app.task(name="connmon.sweep", time_limit=300)
def sweep_due_games() -> None:
    """Stale sweeps: every game whose time has come, then what ended servers left. Several workers share it."""
    deadline = time.monotonic() + SWEEP_SECONDS
    while sweep.step(now=timezone.now()) and time.monotonic() < deadline:
        pass


@app.task(name="connmon.drop_settled_outcomes")
def drop_settled_outcomes() -> None:
    """Cleanup: what agents said of orders, a week after it was settled; sweeps after a month, plans after a year."""
    settle.drop_settled(now=timezone.now())
    sweep.drop_old_sweeps(now=timezone.now())
    steps.drop_old_plans(now=timezone.now())


@app.task(name="connmon.drop_old_boots", time_limit=1800)
def drop_old_boots() -> None:
    """Registry: the last counters of boots that ended a day ago, boots that ended a year ago."""
    old_boots.drop_old_boots(now=timezone.now())


@app.task(name="connmon.evaluate_alerts", time_limit=60)
def evaluate_alerts() -> None:
    """Every alert rule of every game; then who is told of what changed. Another worker's turn is passed over."""
    alerts.evaluate(now=timezone.now())
    while outbox.dispatch_one(now=timezone.now()):
        pass


@app.task(name="connmon.deliver_alerts", time_limit=120)
def deliver_alerts() -> None:
    """Messages that are due, for DELIVER_FOR at most: a destination that hangs holds one attempt up, not the others."""
    ends_at = time.monotonic() + DELIVER_FOR
    send = Sender()
    while time.monotonic() < ends_at and outbox.deliver_one(now=timezone.now(), send=send):
        pass


@app.task(name="connmon.look_for_leaks", time_limit=300)
def look_for_leaks() -> None:
    """Leaks: one look at every game that reports. Games that another worker looks at, or no time is left for, wait."""
    deadline, now = time.monotonic() + LEAKS_SECONDS, timezone.now()
    games = look.games_to_look_at(now=now)
    first = int(now.timestamp() // look.LOOK_EVERY) % len(games) if games else 0  # else the last ones would never be
    for game_id in games[first:] + games[:first]:
        if time.monotonic() < deadline:
            look.look_at(game_id, now=timezone.now())


@app.task(name="connmon.drop_old_ticks", time_limit=60)
def drop_old_ticks() -> None:
    """Leaks: the short history and what else is past its retention."""
    retention.drop_old(now=timezone.now())


@app.task(name="connmon.analyse_source", time_limit=int(ANALYSIS_LIMITS.wall_seconds) + 60)
def analyse_source() -> None:
    """Uploaded sources: the next one. One is analysed at a time; a worker that dies is followed by another."""
    analyse_next(clock=timezone.now)


@app.task(name="connmon.drop_old_alerts", time_limit=60)
def drop_old_alerts() -> None:
    """Alerts: what is past its retention."""
    outbox.drop_old(now=timezone.now())


@app.task(name="connmon.drop_expired_sessions", time_limit=300)
def drop_expired_sessions() -> None:
    """Accounts: log-ins that have run out."""
    sessions.drop_expired(now=timezone.now())


# What beat sends. `expires` drops what a stopped worker left waiting: the next one does the same work.
app.conf.beat_schedule = {
    "heartbeat": {
        "task": leave_marks.name,
        "schedule": HEARTBEAT_EVERY,
        "args": [BeatLazyFunc(time.time)],
        "options": {"expires": 2 * HEARTBEAT_EVERY},
    },
    "samples": {
        "task": make_samples.name,
        "schedule": telemetry.SAMPLE_INTERVAL,
        "options": {"expires": telemetry.SAMPLE_INTERVAL},
    },
    "minute-samples": {
        "task": make_minute_samples.name,
        "schedule": float(MINUTE),
        "options": {"expires": float(MINUTE)},
    },
    "rollups": {
        "task": roll_up_history.name,
        "schedule": ROLL_UP_EVERY,
        "options": {"expires": ROLL_UP_EVERY},
    },
    "cleanup": {
        "task": advance_cleanup.name,
        "schedule": ADVANCE_EVERY,
        "options": {"expires": 2 * ADVANCE_EVERY},
    },
    "budgets": {
        "task": watch_all_budgets.name,
        "schedule": BUDGETS_EVERY,
        "options": {"expires": BUDGETS_EVERY},
    },
    "sweep": {
        "task": sweep_due_games.name,
        "schedule": SWEEP_LOOK,
        "options": {"expires": 2 * SWEEP_LOOK},
    },
    "outcome-retention": {
        "task": drop_settled_outcomes.name,
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "boot-retention": {
        "task": drop_old_boots.name,
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "sample-retention": {
        "task": drop_old_samples.name,
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "leaks": {
        "task": look_for_leaks.name,
        "schedule": look.LOOK_EVERY,
        "options": {"expires": look.LOOK_EVERY},
    },
    "tick-retention": {
        "task": drop_old_ticks.name,
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "source": {
        "task": analyse_source.name,
        "schedule": ANALYSE_EVERY,
        "options": {"expires": 2 * ANALYSE_EVERY},
    },
    "alerts": {
        "task": evaluate_alerts.name,
        "schedule": alerts.EVALUATE_EVERY,
        "options": {"expires": alerts.EVALUATE_EVERY},
    },
    "alert-deliveries": {
        "task": deliver_alerts.name,
        "schedule": DELIVER_EVERY,
        "options": {"expires": DELIVER_EVERY},
    },
    "alert-retention": {
        "task": drop_old_alerts.name,
        "schedule": 3_600.0,
        "options": {"expires": 3_600.0},
    },
    "session-retention": {
        "task": drop_expired_sessions.name,
        "schedule": SESSIONS_AT,
        "options": {"expires": 12 * 3_600.0},
    },
}


@beat_init.connect
def send_first_heartbeat(**_: Any) -> None:
    """Beat sends a new entry only after its first interval; without this a fresh start were ready 5 s later."""
    leave_marks.apply_async(args=(time.time(),), expires=2 * HEARTBEAT_EVERY)
