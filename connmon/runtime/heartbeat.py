"""The marks that show beat and a worker alive: two times in Valkey, written by one small task, read by /readyz."""

from dataclasses import dataclass
from typing import Final

import redis
import redis.asyncio

BEAT_KEY: Final = "connmon:beat"
WORKER_KEY: Final = "connmon:worker"
KEPT_FOR: Final = 600  # seconds; within them /readyz can tell how long a part has been silent


@dataclass(frozen=True, slots=True)
class Marks:
    """Unix times; None when nothing was heard for KEPT_FOR seconds."""

    beat_at: float | None
    worker_at: float | None


def write(client: redis.Redis, *, beat_at: float, worker_at: float) -> None:
    """Note that beat sent a task then, and that a worker has it now."""
    pipeline = client.pipeline()
    pipeline.set(BEAT_KEY, beat_at, ex=KEPT_FOR)
    pipeline.set(WORKER_KEY, worker_at, ex=KEPT_FOR)
    pipeline.execute()


async def read(client: redis.asyncio.Redis) -> Marks:
    """The latest marks. Raises redis.RedisError."""
    beat_at, worker_at = await client.mget(BEAT_KEY, WORKER_KEY)
    return Marks(_time(beat_at), _time(worker_at))


def _time(raw: bytes | str | None) -> float | None:
    return None if raw is None else float(raw)
