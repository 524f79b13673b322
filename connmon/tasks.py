"""Every Celery task, and when beat sends it. A task takes ids, calls one action, and may run twice."""

import time
from typing import Any

import redis
from celery.beat import BeatLazyFunc
from celery.signals import beat_init
from django.conf import settings
from django.utils import timezone

from connmon.celery import app
from connmon.runtime import heartbeat
from connmon.telemetry import actions as telemetry

HEARTBEAT_EVERY = 5.0  # seconds


@app.task(name="connmon.heartbeat")
def leave_marks(sent_at: float) -> None:
    """Note that beat sent this at `sent_at` (Unix time) and that a worker runs it now. /readyz reads the notes."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        heartbeat.write(client, beat_at=sent_at, worker_at=time.time())


@app.task(name="connmon.make_samples", time_limit=60)
def make_samples() -> None:
    """History: what the registry holds now. A tick made twice is made once."""
    telemetry.make_samples(now=timezone.now())


@app.task(name="connmon.drop_old_samples")
def drop_old_samples() -> None:
    """History: what is past its retention."""
    telemetry.drop_old_samples(now=timezone.now())


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
    "sample-retention": {
        "task": drop_old_samples.name,
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
}


@beat_init.connect
def send_first_heartbeat(**_: Any) -> None:
    """Beat sends a new entry only after its first interval; without this a fresh start were ready 5 s later."""
    leave_marks.apply_async(args=(time.time(),), expires=2 * HEARTBEAT_EVERY)
