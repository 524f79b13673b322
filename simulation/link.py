"""What a fleet hears of its backend: each agent's inbox is listened to, nothing is changed."""

import json
from dataclasses import dataclass
from typing import Final

from connmon_agent.transports import Arrival, Failure, Inbox, Response

KEY_REFUSED: Final = frozenset({401, 403})
PATIENCE_ASKED: Final = frozenset({408, 429})
TOLERANCE: Final = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the backend takes no reports with this key: its status, code and sentence."""

    status: int
    code: str
    detail: str


class Link:
    """All agents' news together.

    One failure is none: only after `tolerance` of them in a row is the backend away, or the key refused.
    """

    def __init__(self, tolerance: int = TOLERANCE) -> None:
        self.acknowledged = 0
        self.refused_reports = 0
        self.refusal: Refusal | None = None
        self._tolerance = tolerance
        self._refusals = 0
        self._failures = 0
        self._reason = ""

    @property
    def key_refused(self) -> bool:
        """Whether the backend does not take the key; `refusal` says why."""
        return self._refusals >= self._tolerance

    @property
    def away(self) -> str:
        """Why the backend does not answer; empty while it does."""
        return self._reason if self._failures >= self._tolerance else ""

    def hear(self, arrival: Arrival) -> None:
        """Notes what arrived."""
        if isinstance(arrival, Failure):
            self._fail(arrival.reason)
        elif isinstance(arrival, Response):
            self._hear_answer(arrival)

    def _hear_answer(self, answer: Response) -> None:
        if answer.status >= 500 or answer.status in PATIENCE_ASKED:
            self._fail(f"it answers {answer.status}")
            return
        self._failures = 0
        if answer.status in KEY_REFUSED:
            self._refusals += 1
            self.refusal = _read_refusal(answer)
        elif answer.status == 200:
            self.acknowledged += 1
            self._refusals = 0
        else:
            self.refused_reports += 1

    def _fail(self, reason: str) -> None:
        self._failures += 1
        self._reason = reason


class HeardInbox(Inbox):
    """An inbox whose arrivals a link hears of."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def put(self, arrival: Arrival) -> None:
        """Adds an arrival."""
        self._link.hear(arrival)
        super().put(arrival)


def _read_refusal(answer: Response) -> Refusal:
    try:
        problem = json.loads(answer.body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    return Refusal(answer.status, str(problem.get("code", "")), str(problem.get("detail", "")))
