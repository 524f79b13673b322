"""The edge's memory of keys: it saves look-ups and decides nothing for longer than its life."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from connmon.accounts import keyring
from connmon.accounts.keyring import LIFE, Key, KeyRefused, KeyRing
from connmon.accounts.models import ApiKey, Game
from connmon.core.database import conninfo
from connmon.core.ids import NewKey
from tests.conftest import NOW

MakeKey = Callable[..., NewKey]
Work = Callable[[KeyRing], Coroutine[Any, Any, None]]

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    """Seconds that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(AsyncConnectionPool):
    """A pool that counts how often it is asked."""

    asked = 0

    def connection(self, timeout: float | None = None) -> Any:
        self.asked += 1
        return super().connection(timeout)


def with_ring(work: Callable[[KeyRing, Counting, Clock], Coroutine[Any, Any, None]], *, timeout: float = 30.0) -> None:
    """Runs `work` with a ring of its own on the test database; `timeout` is the pool's, in seconds."""
    dsn, clock = conninfo(), Clock()

    async def run() -> None:
        async with Counting(
            dsn, min_size=0, max_size=1, open=False, timeout=timeout, kwargs={"autocommit": True}
        ) as pool:
            await work(KeyRing(pool, clock=clock), pool, clock)

    asyncio.run(run())


async def authenticate(ring: KeyRing, key: NewKey | str, *, scope: str = "report", now: datetime = NOW) -> Key:
    text = key if isinstance(key, str) else f"Bearer {key.plaintext}"
    return await ring.authenticate(text, scope=scope, now=now)


async def refusal(ring: KeyRing, key: NewKey | str, **values: Any) -> str:
    with pytest.raises(KeyRefused) as refused:
        await authenticate(ring, key, **values)
    assert refused.value.detail.endswith(".")
    return refused.value.code


def test_a_key_is_known_with_its_game_and_interval(game: Game, key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        known = await authenticate(ring, key)
        assert (known.id, known.game_id, known.report_interval) == (key.id, game.pk, 10.0)
        assert known.scopes == {"report"}

    with_ring(work)


def test_a_known_key_is_looked_up_once_in_its_life(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        for _ in range(5):
            await authenticate(ring, key)
        assert pool.asked == 1
        clock.now += LIFE
        await authenticate(ring, key)
        assert pool.asked == 2

    with_ring(work)


def test_many_that_come_at_once_share_one_look_up(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        found = await asyncio.gather(*(authenticate(ring, key) for _ in range(100)))
        assert {one.id for one in found} == {key.id}
        assert pool.asked == 1

    with_ring(work)


def test_one_who_hangs_up_ends_no_look_up_of_others(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        first, second = (asyncio.create_task(authenticate(ring, key)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).id == key.id
        assert pool.asked == 1

    with_ring(work)


def test_a_look_up_that_failed_is_made_anew(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        async with pool.connection():  # the only one
            with pytest.raises(PoolTimeout):
                await authenticate(ring, key)
        assert (await authenticate(ring, key)).id == key.id

    with_ring(work, timeout=0.05)


def test_an_unknown_key_is_looked_up_once_in_a_life_too(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        for secret in ("a", "b", "c"):
            assert await refusal(ring, f"Bearer cm_guess_{secret}") == "bad-key"
        assert pool.asked == 1

    with_ring(work)


def test_the_secret_is_checked_each_time(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        await authenticate(ring, key)
        assert await refusal(ring, f"Bearer cm_{key.id}_guess") == "bad-key"
        await authenticate(ring, key)

    with_ring(work)


def test_the_scope_is_checked_each_time(make_key: MakeKey) -> None:
    key = make_key("read", "report")

    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        await authenticate(ring, key, scope="report")
        await authenticate(ring, key, scope="read")
        assert await refusal(ring, key, scope="execute") == "scope-missing"

    with_ring(work)


def test_the_expiry_is_checked_each_time(make_key: MakeKey) -> None:
    key = make_key(expires_at=NOW + timedelta(seconds=5))

    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        await authenticate(ring, key)
        assert await refusal(ring, key, now=NOW + timedelta(seconds=5)) == "key-expired"
        assert pool.asked == 1

    with_ring(work)


def test_a_forgotten_key_is_looked_up_again(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        await authenticate(ring, key)
        async with pool.connection() as database:
            await database.execute("UPDATE accounts_apikey SET revoked_at = now()")
        ring.forget(key.id)
        assert await refusal(ring, key) == "key-revoked"

    with_ring(work)


def test_a_revocation_is_seen_at_the_latest_after_a_life(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        await authenticate(ring, key)
        async with pool.connection() as database:
            await database.execute("UPDATE accounts_apikey SET revoked_at = now()")
        clock.now += LIFE
        assert await refusal(ring, key) == "key-revoked"

    with_ring(work)


def test_guesses_do_not_fill_the_memory(key: NewKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "ENTRIES", 10)

    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        for number in range(35):
            await refusal(ring, f"Bearer cm_guess{number}_x")
        assert len(ring._entries) <= 10
        await authenticate(ring, key)

    with_ring(work)


def test_what_is_kept_holds_no_secret(key: NewKey) -> None:
    async def work(ring: KeyRing, pool: Counting, clock: Clock) -> None:
        await authenticate(ring, key)
        assert key.secret not in repr(ring._entries)

    with_ring(work)
    assert ApiKey.objects.exists()
