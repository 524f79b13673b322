"""What costs the database something, kept for a few seconds for everybody who asks."""

from collections.abc import Callable
from contextlib import suppress

from django.core.cache import cache
from redis.exceptions import RedisError


def kept(key: str, seconds: int, make: Callable[[], list[str]]) -> list[str]:
    """What `make` gave at most so many seconds ago. Without the Redis-protocol server it is made each time."""
    try:
        found: list[str] | None = cache.get(key)
    except RedisError:
        return make()
    if found is None:
        found = make()
        with suppress(RedisError):
            cache.set(key, found, seconds)
    return found
