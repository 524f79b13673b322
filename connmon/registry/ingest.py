"""Group commit: the reports that wait while one transaction runs share the next one.

Each process has one `Ingest` with a few lanes; a lane is a database connection that takes what waits, writes it in one
transaction and answers the senders after the commit. Reports of one server never stand in two open batches, so
each server's reports are taken in the order in which they came. Nothing is answered from memory: a report that is not
committed is refused with DatabaseDown or Overloaded, and the agent sends it again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, LiteralString, Protocol

import psycopg
from psycopg import AsyncConnection

from connmon.core import logs
from connmon.core.metrics import BATCHES, REPORTS, WRITES
from connmon.registry.rules import Step
from connmon.registry.submission import Submission, Unavailable
from connmon.registry.writer import Writer
from connmon.wire.v1 import Report

# Lanes of one process. While the lane's transaction runs, the reports of the next one are received, decoded and
# rendered, which keeps two cores busy. At 64 connections one lane took 2,610 busy and 8,880 quiet reports a second, two
# 2,090 and 4,660, three 2,170 and 3,610: more lanes make smaller batches. More web processes bring lanes of their own.
LANES: Final = 1
BATCH: Final = 256  # reports; about 3 MB of values at 11 KB a report
RECONNECT_SECONDS: Final = 0.5
TAKE_SECONDS: Final = 15.0  # until a sender whose report is not committed is told to ask again
STOP_SECONDS: Final = 5.0  # for what waits when the process is asked to end
STATEMENT_TIMEOUT_MS: Final = 10_000


class Publish(Protocol):
    """Told after each commit which servers of which games changed; must not block."""

    def __call__(self, changed: dict[int, list[int]]) -> None: ...


class Ingest:
    """One process's way into the registry."""

    def __init__(
        self,
        dsn: str,
        *,
        queue_limit: int,
        publish: Publish,
        clock: Callable[[], datetime],
        profiles: LiteralString,
    ) -> None:
        """`profiles`: the statement that keeps what callbacks cost, of a room above this one."""
        self._dsn = dsn
        self._limit = queue_limit
        self._publish = publish
        self._clock = clock
        self._log = logging.getLogger("connmon.ingest")
        self._writer = Writer(clock, profiles)
        self._pending: deque[Submission] = deque()
        self._open: dict[tuple[int, str], Submission] = {}  # what stands in open batches, by server
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False
        self.ill_at: datetime | None = None  # when reports were last refused or lost through our own fault

    def start(self) -> None:
        """Opens the lanes; call it inside the event loop."""
        lanes = [asyncio.create_task(self._run_lane(), name=f"ingest-{n}") for n in range(LANES)]
        self._tasks = [*lanes, asyncio.create_task(self._watch(), name="ingest-watch")]

    async def stop(self) -> None:
        """Takes what already waits (a few seconds at most), then closes the lanes."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + STOP_SECONDS
        while self._up and (self._pending or self._open) and clock() < deadline:
            await asyncio.sleep(0.01)  # the hot path sets no event for this one moment
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(list(self._pending), Unavailable("overloaded", "This process is stopping.", 1))
        self._pending.clear()

    async def submit(
        self, game_id: int, key_id: str, server_id: int, report: Report, digest: int, interval: float
    ) -> Step:
        """Takes a report; returns after its commit. Raises WireError (refused) or Unavailable.

        `interval`: seconds until the server's next report is due; its lease follows from it.
        """
        if not self._up:
            self.ill_at = self._clock()
            raise Unavailable("database-down", "The database is not reachable; nothing was taken.", 5)
        if len(self._pending) >= self._limit:
            self.ill_at = self._clock()
            raise Unavailable("overloaded", "More reports wait than can be written soon; nothing was taken.", 2)
        loop = asyncio.get_running_loop()
        submission = Submission(game_id, key_id, server_id, report, digest, interval, loop.create_future(), loop.time())
        if submission.server not in self._open:
            self._writer.render_early(submission)
        self._pending.append(submission)
        self._arrived.set()
        return await submission.done

    async def _watch(self) -> None:
        """Tells senders that wait too long to ask again. One look a second for all of them: a timer each costs more
        than the rest of the waiting."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(1)
            overdue = clock() - TAKE_SECONDS
            for submission in [*self._pending, *self._open.values()]:
                if submission.at < overdue and not submission.done.done():
                    self.ill_at = self._clock()
                    submission.refuse(Unavailable("overloaded", "The report was not committed in time.", 5))

    async def _run_lane(self) -> None:
        """Connects, and writes batches for as long as the connection lives; then again."""
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                    await connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
                    # A process that stands still between the two trips of a batch must not hold its servers' rows.
                    await connection.execute(f"SET idle_in_transaction_session_timeout = {STATEMENT_TIMEOUT_MS}")
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
            with WRITES.time():
                written = await self._writer.write(connection, batch)
        except (psycopg.Error, OSError) as error:
            self._log.warning("a batch of %d reports was not written: %s", len(batch), error, extra=_names_of(batch))
            self._give_up(batch, Unavailable("database-down", "The database did not take it.", 2))
            await connection.close()  # whatever state it is in, the lane begins anew
        except Exception:  # a fault of ours in one batch must not end the lane
            self._log.exception("a batch of %d reports was not written", len(batch), extra=_names_of(batch))
            self._give_up(batch, Unavailable("internal-error", "A fault of ours; it is in the log.", 10))
            await connection.close()
        else:
            self._pending.extendleft(reversed(written.undone))
            self._tell(written.taken)
        finally:
            for submission in batch:
                del self._open[submission.server]
            self._arrived.set()

    def _take_batch(self) -> list[Submission]:
        """What waits, oldest first, without servers that stand in an open batch and senders that were told off."""
        batch: list[Submission] = []
        deferred: list[Submission] = []
        open_ = self._open
        while self._pending and len(batch) < BATCH:
            submission = self._pending.popleft()
            if submission.done.done():
                continue
            server = submission.server
            if server in open_:
                deferred.append(submission)
            else:
                open_[server] = submission
                batch.append(submission)
        self._pending.extendleft(reversed(deferred))
        return batch

    def _tell(self, taken: Sequence[Submission]) -> None:
        """Says which servers changed."""
        REPORTS.inc(len(taken))
        BATCHES.observe(len(taken))
        changed: dict[int, list[int]] = {}
        for submission in taken:
            changed.setdefault(submission.game_id, []).append(submission.server_id)
        if changed:
            self._publish(changed)

    def _go_down(self) -> None:
        """Nothing is taken until a lane has connected."""
        self._up = False
        self.ill_at = self._clock()
        waiting = list(self._pending)
        self._pending.clear()
        self._fail(waiting, Unavailable("database-down", "The database went away; nothing was taken.", 5))

    def _give_up(self, batch: list[Submission], error: Unavailable) -> None:
        """It may or may not be committed."""
        self.ill_at = self._clock()
        self._writer.forget(batch)
        self._fail(batch, error)

    @staticmethod
    def _fail(submissions: list[Submission], error: Unavailable) -> None:
        for submission in submissions:
            submission.refuse(error)


def _names_of(batch: Sequence[Submission]) -> dict[str, Any]:
    """Of its reports, for a log line."""
    found = [(one.game_id, one.report.server.id, one.report.server.boot, one.report.seq) for one in batch]
    return logs.name_reports(found)


def utc_now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)
