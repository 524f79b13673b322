"""Waits for the servers that DATABASE_URL and REDIS_URL name; a step of the start, run as a process of its own."""

import sys
import time
from collections.abc import Callable

import psycopg
import redis

from connmon.runtime import paths

PATIENCE = 120.0  # seconds; machines that start together need a while for each other
CONNECT_PATIENCE = 5  # seconds for one attempt
PROGRESS_EVERY = 5.0  # seconds
RETRY_EVERY = 0.5  # seconds


def ask_database() -> None:
    """Connect and ask one thing. Raises psycopg.Error."""
    with psycopg.connect(paths.database_url(), connect_timeout=CONNECT_PATIENCE) as connection:
        connection.execute("SELECT 1")


def ask_redis() -> None:
    """Connect and ping. Raises redis.RedisError."""
    timeouts = {"socket_timeout": CONNECT_PATIENCE, "socket_connect_timeout": CONNECT_PATIENCE}
    client = redis.Redis.from_url(paths.redis_url(), **timeouts)
    try:
        client.ping()
    finally:
        client.close()


def wait_for(variable: str, ask: Callable[[], None], *, patience: float = PATIENCE) -> bool:
    """Ask until it answers; False when it has not within `patience` seconds. Says so every few seconds."""
    began = time.monotonic()
    next_line = began
    while True:
        try:
            ask()
            return True
        except (psycopg.Error, redis.RedisError, OSError) as error:
            waited = time.monotonic() - began
            if waited > patience:
                print(f"{variable}: no answer within {waited:.0f} s. Check the address and the server: {error}")
                return False
            if time.monotonic() >= next_line:
                print(f"waiting for the server of {variable}, {waited:.0f} s … ({error})")
                next_line += PROGRESS_EVERY
        time.sleep(RETRY_EVERY)


def main() -> int:
    """Wait for what is external; the exit code."""
    wanted: list[tuple[str, Callable[[], None]]] = []
    if paths.has_external_database():
        wanted.append(("DATABASE_URL", ask_database))
    if paths.has_external_redis():
        wanted.append(("REDIS_URL", ask_redis))
    return 0 if all(wait_for(variable, ask) for variable, ask in wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
