"""Group commit: the reports that wait while one transaction runs share the next one.

Each process has one `Ingest` with a few lanes; a lane is a database connection that takes what waits, writes it in one
transaction and answers the senders after the commit. Reports of one server never stand in two open batches, so
each server's reports are taken in the order in which they came. Nothing is answered from memory: a report that is not
committed is refused with DatabaseDown or Overloaded, and the agent sends it again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import psycopg
from psycopg import AsyncConnection, errors

from connmon.registry import statements as sql
from connmon.registry.image import Counters, Image, merge_pools, merge_services
from connmon.registry.names import ServiceNames
from connmon.registry.rows import Rows, numbers, words
from connmon.registry.rules import Position, Step, decide
from connmon.wire.codec import WireError
from connmon.wire.v1 import PoolCounters, Report

LANES: Final = 2  # one writes while the other is filled; a third only contends for the same two cores
BATCH: Final = 256  # reports; about 3 MB of values at 11 KB a report
IMAGES: Final = 50_000  # servers whose counters are kept in memory, about 4 KB each at 50 services
ATTEMPTS: Final = 5  # to take a report whose server another process is also taking reports of
RECONNECT_SECONDS: Final = 0.5
STOP_SECONDS: Final = 5.0  # for what waits when the process is asked to end
STATEMENT_TIMEOUT_MS: Final = 10_000


class Unavailable(Exception):
    """Not accepted and nothing changed; the sender is to try again after `retry_after` seconds."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class Publish(Protocol):
    """Told after each commit which servers of which games changed; must not block."""

    def __call__(self, changed: dict[int, list[int]]) -> None: ...


@dataclass(slots=True)
class Submission:
    """One report on its way: `server_id` is its boot's key, `done` the sender's answer."""

    game_id: int
    key_id: str
    server_id: int
    report: Report
    digest: int
    done: asyncio.Future[Step]
    image: Image = field(default_factory=Image)
    step: Step | None = None
    attempts: int = 0

    @property
    def server(self) -> tuple[int, str]:
        """What no two open batches may both hold."""
        return self.game_id, self.report.server.id

    def answer(self, step: Step) -> None:
        """Answers the sender, who may have gone."""
        if not self.done.done():
            self.done.set_result(step)

    def refuse(self, error: Exception) -> None:
        """Answers the sender with a refusal."""
        if not self.done.done():
            self.done.set_exception(error)


class Ingest:
    """One process's way into the registry."""

    def __init__(self, dsn: str, *, queue_limit: int, publish: Publish, clock: Callable[[], datetime]) -> None:
        self._dsn = dsn
        self._limit = queue_limit
        self._publish = publish
        self._clock = clock
        self._log = logging.getLogger("connmon.ingest")
        self._pending: deque[Submission] = deque()
        self._busy: set[tuple[int, str]] = set()
        self._images: dict[int, Image] = {}
        self._names = ServiceNames()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = 0

    def start(self) -> None:
        """Opens the lanes; call it inside the event loop."""
        self._tasks = [asyncio.create_task(self._run_lane(), name=f"ingest-{n}") for n in range(LANES)]

    async def stop(self) -> None:
        """Takes what already waits (a few seconds at most), then closes the lanes."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + STOP_SECONDS
        while self._connected and (self._pending or self._busy) and clock() < deadline:
            await asyncio.sleep(0.01)  # the hot path sets no event for this one moment
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(list(self._pending), Unavailable("overloaded", "This process is stopping.", 1))
        self._pending.clear()

    async def submit(self, game_id: int, key_id: str, server_id: int, report: Report, digest: int) -> Step:
        """Takes a report; returns after its commit. Raises WireError (refused) or Unavailable."""
        if not self._connected:
            raise Unavailable("database-down", "The database is not reachable; nothing was taken.", 5)
        if len(self._pending) >= self._limit:
            raise Unavailable("overloaded", "More reports wait than can be written soon; nothing was taken.", 2)
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._pending.append(Submission(game_id, key_id, server_id, report, digest, done))
        self._arrived.set()
        return await done

    async def _run_lane(self) -> None:
        """Connects, and writes batches for as long as the connection lives."""
        while True:
            try:
                connection = await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5)
            except psycopg.OperationalError as error:
                self._log.warning("no database: %s", error)
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            async with connection:
                await connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
                self._connected += 1
                try:
                    while not connection.closed:
                        await self._run_batch(connection)
                finally:
                    self._connected -= 1
                    if not self._connected:
                        self._fail_pending()

    async def _run_batch(self, connection: AsyncConnection) -> None:
        batch = self._take_batch()
        if not batch:
            self._arrived.clear()
            await self._arrived.wait()
            return
        try:
            await self._write(connection, batch)
        except (psycopg.Error, OSError) as error:
            self._log.warning("a batch of %d reports was not written: %s", len(batch), error)
            self._give_up(batch, Unavailable("database-down", "The database did not take it.", 2))
        except Exception:  # a fault of ours in one batch must not end the lane
            self._log.exception("a batch of %d reports was not written", len(batch))
            self._give_up(batch, Unavailable("internal-error", "A fault of ours; it is in the log.", 10))
        finally:
            self._busy.difference_update([submission.server for submission in batch])
            self._arrived.set()

    def _take_batch(self) -> list[Submission]:
        """What waits, oldest first, without servers that stand in an open batch."""
        batch: list[Submission] = []
        deferred: list[Submission] = []
        busy = self._busy
        while self._pending and len(batch) < BATCH:
            submission = self._pending.popleft()
            server = submission.server
            if server in busy:
                deferred.append(submission)
            else:
                busy.add(server)
                batch.append(submission)
        self._pending.extendleft(reversed(deferred))
        return batch

    async def _write(self, connection: AsyncConnection, batch: list[Submission]) -> None:
        await self._load_images(connection, batch)
        taken = [submission for submission in batch if self._decide(submission)]
        taken = await self._names.resolve(connection, taken, now=self._clock())
        if not taken:
            return
        again = any(submission.report.snapshot for submission in taken)
        try:
            await self._commit(connection, taken, again=again)
        except errors.UniqueViolation:
            await self._commit(connection, taken, again=True)
        except errors.DivisionByZero:  # statements.TAKE: nothing of the batch was written
            await self._sort_out(connection, taken)
            return
        self._finish(taken)

    async def _sort_out(self, connection: AsyncConnection, taken: list[Submission]) -> None:
        """Refuses reports whose key is dead; the others go to the front again, to be read anew."""
        cursor = await connection.execute(sql.LIVE_KEYS, (words({s.key_id for s in taken}),))
        live = {row[0] for row in await cursor.fetchall()}
        for submission in reversed(taken):
            self._images.pop(submission.server_id, None)
            submission.attempts += 1
            if submission.key_id not in live:
                submission.refuse(WireError("key-revoked", "This key was revoked or has expired."))
            elif submission.attempts >= ATTEMPTS:
                submission.refuse(Unavailable("overloaded", "Another process takes this server's reports.", 1))
            else:
                self._pending.appendleft(submission)

    async def _load_images(self, connection: AsyncConnection, batch: list[Submission]) -> None:
        """Gives each submission its server's image: from memory, else from the table, else UNKNOWN."""
        missing = [s.server_id for s in batch if s.server_id not in self._images]
        if missing:
            cursor = await connection.execute(sql.LOAD, (numbers(missing),))
            for row in await cursor.fetchall():
                self._images[row[0]] = _image(row)
        for submission in batch:
            submission.image = self._images.get(submission.server_id) or Image()

    def _decide(self, submission: Submission) -> bool:
        """Whether the report is to be written; a repeat is answered, a refused one refused."""
        try:
            step = decide(submission.image.position, submission.report, submission.digest)
        except WireError as error:
            submission.refuse(error)
            return False
        submission.step = step
        if step.repeat:
            submission.answer(step)
            return False
        return True

    async def _commit(self, connection: AsyncConnection, taken: list[Submission], *, again: bool) -> None:
        """All or nothing in one round trip: between two synchronisations a pipeline is one transaction."""
        now = self._clock()
        rows = self._build_rows(taken, received_at=now.timestamp())
        keys = words({submission.key_id for submission in taken})
        async with connection.pipeline():
            await self._add_servers(connection, taken, now=now)
            await connection.execute(sql.TAKE, {**rows.state_values(), "keys": keys, "now": now})
            if rows.closed:
                await connection.execute(sql.CLOSE, rows.event_values(rows.closed))
            if rows.opened[0]:
                await connection.execute(sql.OPEN_AGAIN if again else sql.OPEN, rows.opened_values())
            if rows.changed:
                await connection.execute(sql.CHANGE, rows.event_values(rows.changed))
            if rows.complete:
                await connection.execute(sql.DROP_OTHERS, rows.event_values(rows.complete))

    def _build_rows(self, taken: list[Submission], *, received_at: float) -> Rows:
        rows = Rows()
        for submission in taken:
            step, report = submission.step, submission.report
            assert step is not None
            before = self._images.get(submission.server_id) or Image()
            ids = self._names.of(submission.game_id)
            after = Image(
                step.position,
                merge_services(before.counters, report.services, ids),
                merge_pools(before.pools, report.pools),
            )
            submission.image = after
            rows.add(
                submission.server_id,
                report,
                expected=before.position.seq,
                after=after,
                received_at=received_at,
                ids=ids,
            )
            if step.drop_others:
                rows.complete.append((submission.server_id, step.position.snapshot))
        return rows

    async def _add_servers(self, connection: AsyncConnection, taken: list[Submission], *, now: datetime) -> None:
        """Rows for boots that report for the first time; earlier boots of the same server end."""
        for submission in taken:
            if submission.server_id in self._images:
                continue
            server, game_id, server_id = submission.report.server, submission.game_id, submission.server_id
            await connection.execute(
                sql.ADD_SERVERS,
                (
                    server_id,
                    game_id,
                    server.id,
                    server.boot,
                    server.agent,
                    server.place_id,
                    server.place_version,
                    now,
                ),
            )
            await connection.execute(sql.ADD_STATES, (server_id, game_id, now, now))
            await connection.execute(
                sql.SUPERSEDE, {"now": now, "game": game_id, "name": server.id, "server": server_id}
            )

    def _finish(self, taken: list[Submission]) -> None:
        changed: dict[int, list[int]] = {}
        for submission in taken:
            self._images[submission.server_id] = submission.image
            changed.setdefault(submission.game_id, []).append(submission.server_id)
            assert submission.step is not None
            submission.answer(submission.step)
        while len(self._images) > IMAGES:
            del self._images[next(iter(self._images))]
        self._publish(changed)

    def _fail_pending(self) -> None:
        waiting = list(self._pending)
        self._pending.clear()
        self._fail(waiting, Unavailable("database-down", "The database went away; nothing was taken.", 5))

    def _give_up(self, batch: list[Submission], error: Unavailable) -> None:
        """It may or may not be committed: nothing in memory is to be believed."""
        for submission in batch:
            self._images.pop(submission.server_id, None)
        self._fail(batch, error)

    @staticmethod
    def _fail(submissions: list[Submission], error: Unavailable) -> None:
        for submission in submissions:
            submission.refuse(error)


def _image(row: tuple[Any, ...]) -> Image:
    """Of a row of statements.LOAD."""
    _, seq, digest, snapshot, part, synced, superseded, *lists = row
    pools = zip(*lists[7:], strict=True)
    return Image(
        Position(seq, digest, snapshot, part, synced, superseded),
        Counters(*lists[:7]),
        {values[0]: PoolCounters(*values) for values in pools},
    )


def utc_now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)
