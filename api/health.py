"""`GET /healthz` (this process) and `GET /readyz` (all it needs), for load balancers, containers and `manage.py up`."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Final

import psycopg
import redis
import redis.asyncio
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from connmon.runtime import heartbeat
from connmon.runtime.heartbeat import Marks

PART_PATIENCE: Final = 1.5  # seconds for one part, so that the whole answers within two
ANSWER_KEPT: Final = 1.0  # seconds; anybody may ask, so asking often costs no more than asking once a second
STALE_AFTER: Final = 30.0  # seconds; beat sends every five, a worker may be busy with a sweep


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must work. `age`: seconds since it last showed that it does; None when that is not known."""

    state: str  # ok, late, missing, failed or unknown
    age: float | None
    sentence: str


class Unready(JsonResponse):
    """503 that Django does not log as an error: it is a state that is asked for every second, not a fault."""

    status_code = 503
    _has_been_logged = True


@require_safe
@never_cache
async def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers; touches nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, broker, worker and beat work, else 503; each part with state, age and a sentence."""
    parts = await latest_parts()
    ready = all(part.state == "ok" for part in parts.values())
    body = {
        "status": "ok" if ready else "unready",
        "parts": {name: asdict(part) for name, part in parts.items()},
    }
    return JsonResponse(body) if ready else Unready(body)


async def latest_parts() -> dict[str, Part]:
    """All parts by name, at most ANSWER_KEPT old."""
    return await _latest.get()


async def check_parts() -> dict[str, Part]:
    """Look at everything at once; takes PART_PATIENCE at most."""
    database, (broker, marks) = await asyncio.gather(check_database(), check_broker())
    now = time.time()
    return {
        "database": database,
        "broker": broker,
        "worker": judge("A worker", None if marks is None else marks.worker_at, marks, now),
        "beat": judge("Beat", None if marks is None else marks.beat_at, marks, now),
    }


async def check_database() -> Part:
    """Open a connection of its own and ask one thing: the pool's may all be waiting for a database that hangs."""
    try:
        async with asyncio.timeout(PART_PATIENCE):
            async with await psycopg.AsyncConnection.connect(settings.DATABASE_URL) as connection:
                await connection.execute("SELECT 1")
    except TimeoutError:
        return Part("failed", None, f"The database did not answer within {PART_PATIENCE} s.")
    except (psycopg.Error, OSError):
        return Part("failed", None, "The database takes no connections; its own log says why.")
    return Part("ok", 0.0, "The database answers.")


async def check_broker() -> tuple[Part, Marks | None]:
    """Ask the broker for the marks that beat and worker leave there."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    try:
        async with asyncio.timeout(PART_PATIENCE):
            marks = await heartbeat.read(client)
    except TimeoutError:
        return Part("failed", None, f"The broker did not answer within {PART_PATIENCE} s."), None
    except (redis.RedisError, OSError):
        return Part("failed", None, "The broker takes no connections; its own log says why."), None
    finally:
        await client.aclose()
    return Part("ok", 0.0, "The broker answers."), marks


def judge(who: str, seen_at: float | None, marks: Marks | None, now: float) -> Part:
    """What the time of the last mark says about beat or the workers."""
    if marks is None:
        return Part("unknown", None, f"{who} is seen through the broker, which does not answer.")
    if seen_at is None:
        return Part("missing", None, f"{who} was not seen within {heartbeat.KEPT_FOR} s; is it running?")
    age = round(max(0.0, now - seen_at), 1)
    if age > STALE_AFTER:
        return Part("late", age, f"{who} was last seen {age:.0f} s ago; it should be every few seconds.")
    return Part("ok", age, f"{who} was seen {age:.0f} s ago.")


class Latest:
    """The one check that all who ask within a second share."""

    def __init__(self) -> None:
        self.task: asyncio.Task[dict[str, Part]] | None = None
        self.began = 0.0

    async def get(self) -> dict[str, Part]:
        """The parts, at most ANSWER_KEPT old."""
        loop = asyncio.get_running_loop()
        task = self.task
        fresh = task is not None and (not task.done() or loop.time() - self.began < ANSWER_KEPT)
        if task is None or not fresh or task.get_loop() is not loop:
            self.task = task = loop.create_task(check_parts())
            self.began = loop.time()
        # One who hangs up must not end the check of the others.
        return await asyncio.shield(task)


_latest = Latest()
