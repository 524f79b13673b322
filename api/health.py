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
REQUIRED: Final = {"database", "broker", "worker", "beat"}  # without the others pages are slower, and nothing is lost
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
    """200 when database, broker, worker and beat work, else 503; each part with state, age and a sentence.

    The status is `ok`, `degraded` (a part that is not REQUIRED does not work) or `unready`.
    """
    parts = await latest_parts()
    ill = {name for name, part in parts.items() if part.state != "ok"}
    status = "unready" if ill & REQUIRED else "degraded" if ill else "ok"
    body = {"status": status, "parts": {name: asdict(part) for name, part in parts.items()}}
    return Unready(body) if status == "unready" else JsonResponse(body)


async def latest_parts() -> dict[str, Part]:
    """All parts by name, at most ANSWER_KEPT old."""
    return await _latest.get()


async def check_parts() -> dict[str, Part]:
    """Look at everything at once; takes PART_PATIENCE at most."""
    database, (broker, marks), live = await asyncio.gather(check_database(), check_broker(), check_live())
    now = time.time()
    parts = {
        "database": database,
        "broker": broker,
        "worker": judge("A worker", None if marks is None else marks.worker_at, marks, now),
        "beat": judge("Beat", None if marks is None else marks.beat_at, marks, now),
    }
    return parts | {"live": live} if live else parts


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


async def check_live() -> Part | None:
    """Ask the servers of CONNMON_CHANNEL_URLS; None when live updates go through the broker, a part of its own."""
    urls = settings.CHANNEL_URLS
    if set(urls) <= {settings.REDIS_URL}:
        return None
    answers = await asyncio.gather(*map(does_answer, urls))
    silent = [str(number) for number, answered in enumerate(answers, start=1) if not answered]
    if not silent:
        return Part("ok", 0.0, "The servers for live updates answer.")
    which = f"No answer from number {', '.join(silent)} of CONNMON_CHANNEL_URLS."
    return Part("failed", None, f"{which} Pages of the games there look by themselves every few seconds.")


async def does_answer(url: str) -> bool:
    """Whether a Redis-protocol server answers within PART_PATIENCE."""
    client = redis.asyncio.Redis.from_url(url)
    try:
        async with asyncio.timeout(PART_PATIENCE):
            await client.echo("connmon")
    except (TimeoutError, redis.RedisError, OSError):
        return False
    finally:
        await client.aclose()
    return True


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
