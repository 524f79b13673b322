"""Orders from the backend: close these connections, each named by id and the moment it was opened. What is not
the same connection any more is left alone; an order is carried out at most once, and its outcome reported until
acknowledged.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from connmon_agent import cleanup
from connmon_agent.classes import ESSENTIAL
from connmon_agent.core import Core
from connmon_agent.text import quote

MAX_REMEMBERED: Final = 1_000  # order ids kept, so that one that comes twice is known
MAX_CONNECTIONS: Final = 5_000  # of one order, the protocol's bound for an outcome
MAX_OUTCOMES: Final = 100  # in one report
OUTCOME_BYTES: Final = 50 * 1024  # in one report; a single outcome may be as large
MAX_WAITING: Final = 1_000  # outcomes kept until they are acknowledged; the oldest give way
MAX_ORDER_ID: Final = 64  # characters, the protocol's bound
MAX_ID: Final = 2**53 - 1  # the largest whole number that JSON carries safely
TOLERANCE: Final = 0.0006  # seconds; moments are whole milliseconds


@dataclass(slots=True)
class _Outcome:
    closed: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    essential: int = 0

    def json(self, order: str, status: Literal["done", "refused", "failed"], detail: str = "") -> str:
        lists = (
            f'"closed":{json.dumps(self.closed)},"gone":{json.dumps(self.gone)},"changed":{json.dumps(self.changed)}'
        )
        tail = f',"detail":{quote(detail, 256)}' if detail else ""
        return f'{{"order":{quote(order, MAX_ORDER_ID)},"status":"{status}",{lists}{tail}}}'


class Orders:
    """What was ordered, carried out and not yet acknowledged."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._executed: dict[str, None] = {}
        self._outcomes: deque[str] = deque()
        self._sending = 0
        self.dropped = 0  # outcomes that had to give way

    def execute(self, orders: object) -> int:
        """Carries out what is new in an answer's `orders`; returns how many that were."""
        count = 0
        for order in orders if isinstance(orders, list) else ():
            if not isinstance(order, dict):
                continue
            number, connections = order.get("id"), order.get("connections")
            if isinstance(number, str) and number not in self._executed and isinstance(connections, list):
                self._remember(number)
                self._keep(self._outcome(number, connections))
                count += 1
        return count

    def take(self) -> list[str]:
        """The outcomes for the next report, as JSON; they stay until `acknowledged`."""
        size = self._sending = 0
        taken: list[str] = []
        for outcome in self._outcomes:
            size += len(outcome)
            if len(taken) == MAX_OUTCOMES or (taken and size > OUTCOME_BYTES):
                break
            taken.append(outcome)
        self._sending = len(taken)
        return taken

    @property
    def waiting(self) -> bool:
        """Whether there are outcomes that no report has carried yet."""
        return len(self._outcomes) > self._sending

    def acknowledged(self) -> None:
        """The report with the outcomes taken last has arrived."""
        for _ in range(self._sending):
            self._outcomes.popleft()
        self._sending = 0

    def _remember(self, order: str) -> None:
        self._executed[order] = None
        if len(self._executed) > MAX_REMEMBERED:
            del self._executed[next(iter(self._executed))]

    def _keep(self, outcome: str) -> None:
        self._outcomes.append(outcome)
        if len(self._outcomes) > MAX_WAITING:
            del self._outcomes[self._sending]  # not one that is on its way
            self.dropped += 1

    def _outcome(self, order: str, connections: list[Any]) -> str:
        """Carries out an order; what became of it, as JSON."""
        outcome = _Outcome()
        if len(connections) > MAX_CONNECTIONS:
            return outcome.json(order, "refused", f"an order names at most {MAX_CONNECTIONS} connections")
        if not all(_is_pair(pair) for pair in connections):
            return outcome.json(order, "failed", "a connection is named by [id, opened_at]")
        try:
            self._carry_out(outcome, connections)
        except Exception as error:  # an order that was begun must be answered for
            return outcome.json(order, "failed", f"the agent failed: {error!r}")
        return outcome.json(order, "done", f"{outcome.essential} essential kept" if outcome.essential else "")

    def _carry_out(self, outcome: _Outcome, connections: list[Any]) -> None:
        slots = self._slots({pair[0] for pair in connections})
        for number, opened_at in connections:
            self._close(outcome, slots.get(int(number)), int(number), opened_at)

    def _slots(self, wanted: set[int]) -> dict[int, int]:
        registry = self._core.registry
        ids = enumerate(registry.ids)
        return {number: slot for slot, number in ids if number in wanted and registry.connections[slot] is not None}

    def _close(self, outcome: _Outcome, slot: int | None, number: int, opened_at: float) -> None:
        registry = self._core.registry
        if slot is None or registry.connections[slot] is None or registry.ids[slot] != number:
            outcome.gone.append(number)
        elif not -TOLERANCE <= registry.opened_at(slot) - opened_at <= TOLERANCE:  # so written, nan is another moment
            outcome.changed.append(number)
        elif registry.classes.marks[registry.cls[slot]] & ESSENTIAL:
            outcome.essential += 1
            outcome.changed.append(number)
        else:
            cleanup.close(self._core, slot)
            outcome.closed.append(number)


def _is_pair(pair: object) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in pair):
        return False
    number, moment = pair
    return 1 <= number <= MAX_ID and number == int(number) and not (isinstance(moment, int) and abs(moment) > MAX_ID)
