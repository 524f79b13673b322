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
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import psycopg
from psycopg import AsyncConnection, errors

from connmon.registry import statements as sql
from connmon.registry.image import COLUMNS, Image, counters_of, merge_pools, merge_services
from connmon.registry.names import ServiceNames
from connmon.registry.rows import Rows, numbers, words
from connmon.registry.rules import Position, Step, decide
from connmon.registry.submission import Submission, Unavailable
from connmon.wire.codec import WireError
from connmon.wire.v1 import PoolCounters, Report

# Lanes of one process. While the lane's transaction runs, the reports of the next one are received and decoded, which
# keeps two cores busy. At 64 connections one lane took 2,610 busy and 8,880 quiet reports a second, two 2,090 and
# 4,660, three 2,170 and 3,610: more lanes make smaller batches. More web processes bring lanes of their own.
LANES: Final = 1
BATCH: Final = 256  # reports; about 3 MB of values at 11 KB a report
IMAGES: Final = 50_000  # servers whose counters are kept in memory, about 4 KB each at 50 services
ATTEMPTS: Final = 5  # to take a report whose server another process is also taking reports of
RECONNECT_SECONDS: Final = 0.5
SHARED_FOR: Final = timedelta(seconds=60)  # after losing to another process, compare first for this long
STOP_SECONDS: Final = 5.0  # for what waits when the process is asked to end
STATEMENT_TIMEOUT_MS: Final = 10_000


class Publish(Protocol):
    """Told after each commit which servers of which games changed; must not block."""

    def __call__(self, changed: dict[int, list[int]]) -> None: ...


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
        self._shared_until = clock()  # other processes take reports of our servers until then at least
        self._names = ServiceNames()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False
        self.ill_at: datetime | None = None  # when reports were last refused or lost through our own fault

    def start(self) -> None:
        """Opens the lanes; call it inside the event loop."""
        self._tasks = [asyncio.create_task(self._run_lane(), name=f"ingest-{n}") for n in range(LANES)]

    async def stop(self) -> None:
        """Takes what already waits (a few seconds at most), then closes the lanes."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + STOP_SECONDS
        while self._up and (self._pending or self._busy) and clock() < deadline:
            await asyncio.sleep(0.01)  # the hot path sets no event for this one moment
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(list(self._pending), Unavailable("overloaded", "This process is stopping.", 1))
        self._pending.clear()

    async def submit(self, game_id: int, key_id: str, server_id: int, report: Report, digest: int) -> Step:
        """Takes a report; returns after its commit. Raises WireError (refused) or Unavailable."""
        if not self._up:
            self.ill_at = self._clock()
            raise Unavailable("database-down", "The database is not reachable; nothing was taken.", 5)
        if len(self._pending) >= self._limit:
            self.ill_at = self._clock()
            raise Unavailable("overloaded", "More reports wait than can be written soon; nothing was taken.", 2)
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._pending.append(Submission(game_id, key_id, server_id, report, digest, done))
        self._arrived.set()
        return await done

    async def _run_lane(self) -> None:
        """Connects, and writes batches for as long as the connection lives; then again."""
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                    await connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
                    self._up = True
                    while not connection.closed:
                        await self._run_batch(connection)
            except (psycopg.Error, OSError) as error:
                self._log.warning("no database: %s", error)
                self._go_down()
                await asyncio.sleep(RECONNECT_SECONDS)

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
            await connection.close()  # whatever state it is in, the lane begins anew
        except Exception:  # a fault of ours in one batch must not end the lane
            self._log.exception("a batch of %d reports was not written", len(batch))
            self._give_up(batch, Unavailable("internal-error", "A fault of ours; it is in the log.", 10))
            await connection.close()
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
        """Takes what can be taken and answers it. A batch that failed as a whole goes to the front again, sorted out.

        psycopg believes statements prepared that a failed pipeline has skipped, so a failure ends the connection.
        """
        await self._load_images(connection, batch)
        taken = [submission for submission in batch if self._decide(submission)]
        if not all(map(self._names.knows, taken)):
            # A dead key or a removed game makes no service.
            taken = await self._refuse_dead_keys(connection, taken)
            taken = await self._names.resolve(connection, taken, now=self._clock())
        if not taken:
            return
        try:
            await self._commit(connection, taken)
        except errors.UniqueViolation:
            for submission in taken:
                submission.again = True
            self._put_back(taken)
            await connection.close()
        except errors.DivisionByZero:  # statements.TAKE: a dead key, or another process was faster
            kept = await self._refuse_dead_keys(connection, taken)
            if len(kept) == len(taken):
                self._shared_until = self._clock() + SHARED_FOR
            self._put_back(kept)
            await connection.close()
        else:
            self._finish(taken)

    async def _refuse_dead_keys(self, connection: AsyncConnection, taken: list[Submission]) -> list[Submission]:
        """Refuses reports whose key is dead; returns the others."""
        cursor = await connection.execute(sql.LIVE_KEYS, (words({s.key_id for s in taken}),), prepare=False)
        live = {row[0] for row in await cursor.fetchall()}
        kept = [submission for submission in taken if submission.key_id in live]
        for submission in taken:
            if submission.key_id not in live:
                submission.refuse(WireError("key-revoked", "This key was revoked or has expired."))
        return kept

    def _put_back(self, taken: list[Submission]) -> None:
        """To the front of what waits, to be read anew."""
        for submission in reversed(taken):
            self._images.pop(submission.server_id, None)
            submission.attempts += 1
            if submission.attempts < ATTEMPTS:
                self._pending.appendleft(submission)
            else:
                submission.refuse(Unavailable("overloaded", "Another process takes this server's reports.", 1))

    async def _load_images(self, connection: AsyncConnection, batch: list[Submission]) -> None:
        """Gives each submission its server's image: from memory, else from the table, else of an unknown server.

        Where other processes take reports of the same servers, what is in memory is compared with the table first.
        """
        images = self._images
        shared = self._clock() < self._shared_until
        doubtful = [s.server_id for s in batch if shared or s.server_id not in images]
        if doubtful:
            known = [images[key].position.seq if key in images else -1 for key in doubtful]
            cursor = await connection.execute(sql.LOAD, (numbers(doubtful), numbers(known)))
            for row in await cursor.fetchall():
                images[row[0]] = _image(row)
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

    async def _commit(self, connection: AsyncConnection, taken: list[Submission]) -> None:
        """All or nothing in one round trip: between two synchronisations a pipeline is one transaction."""
        now = self._clock()
        rows = self._build_rows(taken, received_at=now.timestamp())
        keys = words({submission.key_id for submission in taken})
        again = any(submission.again or submission.report.snapshot for submission in taken)
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
            if rows.outcomes:
                await connection.execute(sql.ADD_OUTCOMES, [now, *rows.outcome_values()])

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

    def _go_down(self) -> None:
        """Nothing is taken until a lane has connected."""
        self._up = False
        self.ill_at = self._clock()
        waiting = list(self._pending)
        self._pending.clear()
        self._fail(waiting, Unavailable("database-down", "The database went away; nothing was taken.", 5))

    def _give_up(self, batch: list[Submission], error: Unavailable) -> None:
        """It may or may not be committed: nothing in memory is to be believed."""
        self.ill_at = self._clock()
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
    pools = zip(*lists[COLUMNS:], strict=True)
    return Image(
        Position(seq, digest, snapshot, part, synced, superseded),
        counters_of(lists[:COLUMNS]),
        {values[0]: PoolCounters(*values) for values in pools},
    )


def utc_now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)
