"""One report on its way from the edge to its commit, and the answer its sender waits for."""

import asyncio
from dataclasses import dataclass

from connmon.registry.rows import ReportRows
from connmon.registry.rules import Step
from connmon.wire.v1 import Report


class Unavailable(Exception):
    """Not accepted and nothing changed; the sender is to try again after `retry_after` seconds."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


@dataclass(slots=True)
class Submission:
    """One report on its way: `server_id` is its boot's key, `done` the sender's answer.

    `interval`: seconds until its next report is due; `at`: when it came, in seconds of the loop's clock.
    """

    game_id: int
    key_id: str
    server_id: int
    report: Report
    digest: int
    interval: float
    done: asyncio.Future[Step]
    at: float
    step: Step | None = None
    rows: ReportRows | None = None  # holds for the image that it was rendered from, and no other
    attempts: int = 0
    again: bool = False  # some of its connections may be registered already

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
