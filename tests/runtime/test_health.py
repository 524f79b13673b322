"""/healthz and /readyz, against the run's own PostgreSQL and Valkey."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.http import HttpResponse
from django.test import AsyncRequestFactory
from pytest_django import Settings

from api import health
from connmon.runtime import heartbeat


@pytest.fixture(autouse=True)
def cache(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """The broker with no marks in it, and no answer kept from another test."""
    monkeypatch.setattr(health, "_latest", health.Latest())
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(heartbeat.BEAT_KEY, heartbeat.WORKER_KEY)
        yield client
        client.delete(heartbeat.BEAT_KEY, heartbeat.WORKER_KEY)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word, as a hanging server does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def mark(cache: redis.Redis, *, beat_age: float = 0.0, worker_age: float = 0.0) -> None:
    now = time.time()
    heartbeat.write(cache, beat_at=now - beat_age, worker_at=now - worker_age)


async def get_ready() -> tuple[int, dict[str, Any]]:
    """Status and parts of /readyz."""
    status, body = await get_answer()
    return status, body["parts"]


async def get_answer() -> tuple[int, dict[str, Any]]:
    """Status and body of /readyz."""
    response = await health.readyz(AsyncRequestFactory().get("/readyz"))
    assert isinstance(response, HttpResponse)
    return response.status_code, json.loads(response.content)


async def test_healthz_answers_although_nothing_else_does(settings: Settings) -> None:
    settings.DATABASE_URL = "postgresql://nobody@127.0.0.1:1/none"
    settings.REDIS_URL = "redis://127.0.0.1:1"
    response = await health.healthz(AsyncRequestFactory().get("/healthz"))
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ok"})


async def test_ready_when_all_parts_work(cache: redis.Redis) -> None:
    mark(cache, beat_age=2)
    status, parts = await get_ready()
    assert status == 200
    assert {name: part["state"] for name, part in parts.items()} == dict.fromkeys(parts, "ok")
    assert set(parts) == {"database", "broker", "worker", "beat"}
    assert parts["beat"]["age"] == pytest.approx(2, abs=1)


async def test_not_ready_before_a_worker_was_seen() -> None:
    status, parts = await get_ready()
    assert status == 503
    assert parts["worker"]["state"] == parts["beat"]["state"] == "missing"
    assert parts["worker"]["age"] is None


async def test_not_ready_when_the_worker_is_late_with_its_age(cache: redis.Redis) -> None:
    mark(cache, worker_age=45)
    status, parts = await get_ready()
    assert status == 503
    assert parts["beat"]["state"] == "ok"
    assert parts["worker"]["state"] == "late"
    assert parts["worker"]["sentence"] == "A worker was last seen 45 s ago; it should be every few seconds."


async def test_a_clock_that_is_behind_shows_no_negative_age(cache: redis.Redis) -> None:
    mark(cache, beat_age=-3)
    _, parts = await get_ready()
    assert parts["beat"]["age"] == 0


async def test_a_refused_database_is_named_without_its_address(cache: redis.Redis, settings: Settings) -> None:
    mark(cache)
    settings.DATABASE_URL = "postgresql://secret_user@127.0.0.1:1/none"
    status, parts = await get_ready()
    assert (status, parts["database"]["state"], parts["broker"]["state"]) == (503, "failed", "ok")
    assert "secret_user" not in json.dumps(parts)


async def test_live_updates_through_the_broker_are_no_part_of_their_own(cache: redis.Redis, settings: Settings) -> None:
    mark(cache)
    assert settings.CHANNEL_URLS == [settings.REDIS_URL]
    _, body = await get_answer()
    assert body["status"] == "ok"
    assert "live" not in body["parts"]


async def test_servers_for_live_updates_are_a_part_that_answers(cache: redis.Redis, settings: Settings) -> None:
    mark(cache)
    settings.CHANNEL_URLS = [settings.REDIS_URL.replace("db=0", "db=1"), settings.REDIS_URL]
    status, body = await get_answer()
    assert (status, body["status"], body["parts"]["live"]["state"]) == (200, "ok", "ok")


async def test_without_a_server_for_live_updates_it_is_ready_but_degraded(
    cache: redis.Redis, silent_port: int, settings: Settings
) -> None:
    mark(cache)
    settings.CHANNEL_URLS = [
        settings.REDIS_URL,
        "redis://user:secret@127.0.0.1:1/0",
        f"redis://127.0.0.1:{silent_port}/0",
    ]
    status, body = await get_answer()
    assert (status, body["status"], body["parts"]["live"]["state"]) == (200, "degraded", "failed")
    assert body["parts"]["live"]["sentence"].startswith("No answer from number 2, 3 of CONNMON_CHANNEL_URLS.")
    assert "secret" not in json.dumps(body)


async def test_a_part_that_is_required_weighs_more_than_live_updates(cache: redis.Redis, settings: Settings) -> None:
    mark(cache, worker_age=45)
    settings.CHANNEL_URLS = ["redis://127.0.0.1:1/0"]
    status, body = await get_answer()
    assert (status, body["status"]) == (503, "unready")


async def test_it_answers_within_two_seconds_when_database_and_broker_hang(
    silent_port: int, settings: Settings
) -> None:
    settings.DATABASE_URL = f"postgresql://nobody@127.0.0.1:{silent_port}/none"
    settings.REDIS_URL = f"redis://127.0.0.1:{silent_port}"
    began = time.monotonic()
    status, parts = await get_ready()
    assert time.monotonic() - began < 2
    assert status == 503
    assert parts["database"]["sentence"] == "The database did not answer within 1.5 s."
    assert parts["worker"]["state"] == parts["beat"]["state"] == "unknown"


async def test_all_who_ask_within_a_second_share_one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = 0

    async def count() -> dict[str, health.Part]:
        nonlocal checks
        checks += 1
        return {}

    monkeypatch.setattr(health, "check_parts", count)
    await asyncio.gather(*(get_ready() for _ in range(5)))
    assert checks == 1


async def test_one_who_hangs_up_does_not_end_the_check_of_the_others(cache: redis.Redis) -> None:
    mark(cache)
    impatient = asyncio.create_task(get_ready())
    patient = asyncio.create_task(get_ready())
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient)[0] == 200


async def test_only_reading_is_allowed() -> None:
    response = await health.readyz(AsyncRequestFactory().post("/readyz"))
    assert response.status_code == 405
