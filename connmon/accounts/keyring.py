"""Keys in memory for the ingest edge: who a bearer token is, without asking the database for each report.

An entry lives for LIFE and holds a digest, never a secret. It only saves look-ups: whether a key is still live is
looked at again in the transaction that takes the report (statements.TAKE), so a revocation holds at once.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from psycopg_pool import AsyncConnectionPool

from connmon.core import ids

LIFE: Final = 15.0  # seconds; a change of the report interval reaches agents within that
ENTRIES: Final = 10_000  # unknown ids are remembered too, or each guess would cost a query

FIND: Final[LiteralString] = """
    SELECT k.digest, k.scopes, k.expires_at, k.revoked_at, g.id, g.report_interval
    FROM accounts_apikey k JOIN accounts_game g ON g.id = k.game_id WHERE k.id = %s
"""


# For the page that lists keys: written when a key is looked up, so at most once a LIFE, and that only once a minute.
NOTE_USE: Final[LiteralString] = """
    UPDATE accounts_apikey SET last_used_at = now()
    WHERE id = %s AND digest = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""


class KeyRefused(Exception):
    """`code` is one of no-key, bad-key, key-expired, key-revoked, scope-missing."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the edge knows it."""

    id: str
    digest: bytes
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked: bool
    game_id: int
    report_interval: float


class KeyRing:
    """Finds the key of a bearer token."""

    def __init__(self, pool: AsyncConnectionPool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._entries: dict[str, tuple[float, Key | None]] = {}
        self._looking: dict[tuple[str, bytes], asyncio.Task[Key | None]] = {}

    async def authenticate(self, authorization: str, *, scope: str, now: datetime) -> Key:
        """The live key of `Bearer cm_<id>_<secret>` that has `scope`. Raises KeyRefused, psycopg errors."""
        word, _, token = authorization.partition(" ")
        parts = ids.split_key(token.strip()) if word.lower() == "bearer" else None
        if parts is None:
            raise KeyRefused("no-key", "Send the header Authorization: Bearer cm_<id>_<secret>.")
        digest = ids.digest(parts[1])
        key = await self._find(parts[0], digest)
        if key is None or not hmac.compare_digest(key.digest, digest):
            raise KeyRefused("bad-key", "No key has this id and secret.")
        if key.revoked:
            raise KeyRefused("key-revoked", "This key was revoked; make a new one on the game's setup page.")
        if key.expires_at is not None and key.expires_at <= now:
            raise KeyRefused("key-expired", "This key has expired; make a new one on the game's setup page.")
        if scope not in key.scopes:
            raise KeyRefused("scope-missing", f"This key lacks the scope {scope!r}.")
        return key

    async def _find(self, key_id: str, used_with: bytes) -> Key | None:
        entry = self._entries.get(key_id)
        if entry and entry[0] > self._clock():
            return entry[1]
        # Thousands of servers of one key come back at once after a restart: one look-up serves them all.
        task = self._looking.get((key_id, used_with))
        if task is None:
            task = asyncio.create_task(self._look_up(key_id, used_with), name="key")
            self._looking[key_id, used_with] = task
            task.add_done_callback(lambda _: self._looking.pop((key_id, used_with)))
        return await asyncio.shield(task)  # one who hangs up must not end it for the others

    async def _look_up(self, key_id: str, used_with: bytes) -> Key | None:
        now = self._clock()
        async with self._pool.connection() as connection:
            row = await (await connection.execute(FIND, (key_id,))).fetchone()
            await connection.execute(NOTE_USE, (key_id, used_with))
        key = None
        if row:
            digest, scopes, expires_at, revoked_at, game_id, interval = row
            key = Key(key_id, bytes(digest), frozenset(scopes), expires_at, bool(revoked_at), game_id, interval)
        if len(self._entries) >= ENTRIES:
            self._entries.clear()
        self._entries[key_id] = (now + LIFE, key)
        return key

    def forget(self, key_id: str) -> None:
        """Reads the key anew at its next use."""
        self._entries.pop(key_id, None)
