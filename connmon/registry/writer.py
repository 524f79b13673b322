"""Writes a batch of reports in one transaction, and answers their senders after its commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, errors

from connmon.registry import statements as sql
from connmon.registry.image import COLUMNS, NO_IMAGE, Image, counters_from
from connmon.registry.names import ServiceNames
from connmon.registry.rows import ReportRows, Rows, numbers, render, words
from connmon.registry.rules import Position, Step, decide
from connmon.registry.submission import Submission, Unavailable
from connmon.wire.codec import WireError
from connmon.wire.v1 import PoolCounters

IMAGES: Final = 50_000  # servers whose counters are kept in memory, about 11 KB each at 50 services
# Reports of a batch that is looked at before its events are sent: a round trip more, and no error in PostgreSQL's log
# when a key was revoked. At 64 connections that trip cost a tenth of the reports a second.
FEW: Final = 8
ATTEMPTS: Final = 5  # to take a report whose server another process is also taking reports of


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch; senders of all others have been answered."""

    taken: Sequence[Submission] = ()
    undone: Sequence[Submission] = ()  # to be tried anew, ahead of all others


class Writer:
    """What one process knows of the registry in order to write it: images of servers and names of services."""

    def __init__(self, clock: Callable[[], datetime], profiles: LiteralString) -> None:
        self._clock = clock
        self._profiles = profiles  # the statement that takes Rows.profile_values
        self._images: dict[int, Image] = {}
        self._names = ServiceNames()

    def render_early(self, submission: Submission) -> None:
        """Renders a report that has just come, if all it needs is in memory; its batch looks whether it still holds."""
        image = self._images.get(submission.server_id)
        if image is None or not _follows(image, submission) or not self._names.knows(submission):
            return
        try:
            self._render(submission, decide(image.position, submission.report, submission.digest), image)
        except Exception:  # a refusal or a fault of ours: its batch meets it again, and answers for it
            submission.rows = None

    async def write(self, connection: AsyncConnection, batch: list[Submission]) -> Written:
        """Takes what can be taken and answers it.

        psycopg believes statements prepared that a failed pipeline has skipped, so a failure ends the connection.
        """
        await self._load_images(connection, batch)
        taken = [submission for submission in batch if self._decide(submission)]
        if not all(map(self._names.knows, taken)):
            # A dead key or a removed game makes no service.
            taken = await self._refuse_dead_keys(connection, taken)
            taken = await self._names.resolve(connection, taken, now=self._clock())
        if not taken:
            return Written()
        try:
            whole = await self._commit(connection, taken)
        except errors.UniqueViolation:
            for submission in taken:
                submission.again = True
            await connection.close()
            return Written(undone=self._undo(taken))
        except errors.DivisionByZero:  # statements.TAKE_OR_FAIL
            whole = False
        if not whole:  # a dead key, or another process was faster
            kept = await self._refuse_dead_keys(connection, taken)
            await connection.close()
            return Written(undone=self._undo(kept))
        self._finish(taken)
        return Written(taken=taken)

    def forget(self, batch: Sequence[Submission]) -> None:
        """It may or may not be committed: nothing in memory of its servers is to be believed."""
        for submission in batch:
            self._images.pop(submission.server_id, None)

    async def _refuse_dead_keys(self, connection: AsyncConnection, batch: list[Submission]) -> list[Submission]:
        """Refuses reports whose key is dead; returns the others."""
        cursor = await connection.execute(sql.LIVE_KEYS, (words({s.key_id for s in batch}),), prepare=False)
        live = {row[0] for row in await cursor.fetchall()}
        for submission in batch:
            if submission.key_id not in live:
                submission.refuse(WireError("key-revoked", "This key was revoked or has expired."))
        return [submission for submission in batch if submission.key_id in live]

    def _undo(self, taken: list[Submission]) -> list[Submission]:
        self.forget(taken)
        for submission in taken:
            submission.rows = None
            submission.attempts += 1
            if submission.attempts >= ATTEMPTS:
                submission.refuse(Unavailable("overloaded", "Another process takes this server's reports.", 1))
        return [submission for submission in taken if submission.attempts < ATTEMPTS]

    async def _load_images(self, connection: AsyncConnection, batch: list[Submission]) -> None:
        """Brings each server's image into memory, if the table has one.

        A report that does not follow what is in memory is a repeat, or has left something out, or another process has
        taken reports of its server meanwhile: the table tells.
        """
        images = self._images
        known: dict[int, int] = {}
        for submission in batch:
            image = images.get(submission.server_id)
            if image is None or not _follows(image, submission):
                known[submission.server_id] = image.position.seq if image else -1
        if known:
            cursor = await connection.execute(sql.LOAD, (numbers(known), numbers(known.values())))
            for row in await cursor.fetchall():
                images[row[0]] = _image(row)

    def _decide(self, submission: Submission) -> bool:
        """Whether the report is to be written; a repeat is answered, a refused one refused."""
        image = self._images.get(submission.server_id, NO_IMAGE)
        if submission.rows is not None and submission.rows.before is image:
            return True
        try:
            step = decide(image.position, submission.report, submission.digest)
        except WireError as error:
            submission.refuse(error)
            return False
        if step.repeat:
            submission.answer(step)
            return False
        submission.step, submission.rows = step, None
        return True

    def _render(self, submission: Submission, step: Step, image: Image) -> ReportRows:
        submission.step = step
        submission.rows = render(
            submission.server_id,
            submission.report,
            step,
            before=image,
            interval=submission.interval,
            received_at=self._clock().timestamp(),
            ids=self._names.of(submission.game_id),
        )
        return submission.rows

    def _rows_of(self, submission: Submission) -> ReportRows:
        """As rendered early, or now."""
        assert submission.step is not None
        image = self._images.get(submission.server_id, NO_IMAGE)
        return submission.rows or self._render(submission, submission.step, image)

    async def _commit(self, connection: AsyncConnection, taken: list[Submission]) -> bool:
        """Writes all or nothing; False if some key is dead or some server has moved on, or else raises DivisionByZero.

        Between two synchronisations a pipeline is one transaction, and one round trip if nobody waits within.
        """
        now = self._clock()
        rows = Rows(list(map(self._rows_of, taken)))
        keys = words({submission.key_id for submission in taken})
        again = any(submission.again or submission.report.snapshot for submission in taken)
        looks = len(taken) <= FEW
        async with connection.pipeline():
            if looks:
                await connection.execute("BEGIN")
            await self._add_servers(connection, taken, now=now)
            take = sql.TAKE if looks else sql.TAKE_OR_FAIL
            cursor = await connection.execute(take, {**rows.state_values(), "keys": keys, "now": now})
            whole = not looks or await cursor.fetchone() == (True,)
            if whole:
                await self._write_events(connection, rows, again=again, now=now)
            if looks:
                await connection.execute("COMMIT" if whole else "ROLLBACK")
        return whole

    async def _write_events(self, connection: AsyncConnection, rows: Rows, *, again: bool, now: datetime) -> None:
        """`again`: what was opened may be registered already."""
        opened = rows.opened_values()
        if rows.closed:
            await connection.execute(sql.CLOSE, rows.event_values(rows.closed))
        if opened:
            await connection.execute(sql.OPEN_AGAIN if again else sql.OPEN, opened)
        if rows.changed:
            await connection.execute(sql.CHANGE, rows.event_values(rows.changed))
        if rows.complete:
            await connection.execute(sql.DROP_OTHERS, rows.event_values(rows.complete))
        if rows.outcomes:
            await connection.execute(sql.ADD_OUTCOMES, [now, *rows.outcome_values()])
        if rows.profiles:
            await connection.execute(self._profiles, rows.profile_values())
        if rows.ended:
            await connection.execute(sql.END_SERVERS, {"servers": numbers(rows.ended), "now": now})
        if rows.returned:
            await connection.execute(sql.RETURN_SERVERS, {"servers": numbers(rows.returned), "now": now})

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
        for submission in taken:
            assert submission.step is not None
            assert submission.rows is not None
            self._images[submission.server_id] = submission.rows.after
            submission.answer(submission.step)
        while len(self._images) > IMAGES:
            del self._images[next(iter(self._images))]


def _follows(image: Image, submission: Submission) -> bool:
    """Whether the report is the next one after the image."""
    return submission.report.seq == image.position.seq + 1


def _image(row: tuple[Any, ...]) -> Image:
    """Of a row of statements.LOAD."""
    _, seq, digest, snapshot, part, synced, superseded, ended, *lists = row
    pools = zip(*lists[COLUMNS:], strict=True)
    return Image(
        Position(seq, digest, snapshot, part, synced, superseded, ended),
        counters_from(lists[:COLUMNS]),
        {values[0]: PoolCounters(*values) for values in pools},
    )
