"""The heartbeat that /readyz reads."""

import time

import redis
from celery.beat import BeatLazyFunc
from pytest_django import Settings

from connmon import tasks
from connmon.celery import app
from connmon.runtime import heartbeat


def test_the_heartbeat_task_leaves_both_marks_for_ten_minutes(settings: Settings) -> None:
    tasks.leave_marks(1_000.0)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert float(client.get(heartbeat.BEAT_KEY) or 0) == 1_000.0
        assert time.time() - float(client.get(heartbeat.WORKER_KEY) or 0) < 60
        assert 0 < client.ttl(heartbeat.WORKER_KEY) <= heartbeat.KEPT_FOR
        client.delete(heartbeat.BEAT_KEY, heartbeat.WORKER_KEY)


def test_beat_sends_it_with_the_time_of_sending() -> None:
    entry = app.conf.beat_schedule["heartbeat"]
    (sent_at,) = entry["args"]
    assert isinstance(sent_at, BeatLazyFunc)
    assert abs(sent_at() - time.time()) < 60


def test_a_heartbeat_nobody_took_is_dropped_before_it_could_lie() -> None:
    entry = app.conf.beat_schedule["heartbeat"]
    assert entry["options"]["expires"] <= 2 * entry["schedule"]
