"""Celery's side: the heartbeat that /readyz reads, its log, its children's memory."""

import gc
import json
import os
import subprocess
import sys
import time

import pytest
import redis
from celery.beat import BeatLazyFunc
from celery.signals import worker_before_create_process
from pytest_django import Settings

from connmon import tasks
from connmon.celery import app
from connmon.core import logs
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


def test_lines_of_a_task_carry_its_name_and_id(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(heartbeat, "write", lambda *_, **__: seen.append(dict(logs.about.get())))
    tasks.leave_marks.apply(args=(1_000.0,), task_id="the-id")
    assert seen == [{"task": "connmon.heartbeat", "task_id": "the-id"}]
    assert logs.about.get() == {}


def test_celery_logs_as_everybody() -> None:
    """In a process of its own, as Celery's worker and beat begin."""
    code = "from connmon.celery import app; app.log.setup('WARNING'); app.log.get_default_logger().error('x')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CONNMON_LOG": "json"}, capture_output=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["logger"] == "celery"


def test_collectors_of_a_workers_children_leave_alone_what_they_share() -> None:
    gc.unfreeze()  # a site in this process, of another test, has frozen what was there
    assert gc.get_freeze_count() == 0
    try:
        worker_before_create_process.send(sender=None)
        assert gc.get_freeze_count() > 100_000
    finally:
        gc.unfreeze()
