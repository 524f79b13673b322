"""Where cleanup decides: what an outcome means, when a plan must not go on. Pure: values in, value out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connmon.cleanup.states import OrderState

GROWTH: Final = 1.10  # of what the dry run counted; beyond that the scope is another one than was looked at
FAILED_SHARE: Final = 0.1  # of the servers that have answered
PLAYERS_SHARE: Final = 0.8  # of those expected to be still there
FEW_PLAYERS: Final = 5  # fewer come and go by chance
SILENT_SHARE: Final = 0.05  # of the servers whose turn has come


class Verdict(StrEnum):
    """What an outcome came to."""

    APPLIED = "applied"
    LATE = "late"  # its order had expired; what it says is kept, the order stays expired
    TWICE = "twice"  # its order had its outcome already; nothing changes
    UNKNOWN = "unknown-order"
    FOREIGN = "foreign-order"  # the order was another server's
    UNSENT = "unsent-order"  # the order never went out


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order as far as its outcome needs it."""

    server_id: int
    state: OrderState
    connection_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Said:
    """An outcome as it came."""

    server_id: int
    status: str  # done, refused or failed
    closed: Sequence[int]
    gone: Sequence[int]
    changed: Sequence[int]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the order becomes. Each of its connections stands in one list at most; `failed` counts those in none."""

    state: OrderState
    closed: list[int]
    gone: list[int]
    changed: list[int]
    failed: int
    detail: str


_ENDS: Final = {"done": OrderState.DONE, "refused": OrderState.REFUSED, "failed": OrderState.FAILED}


def judge(order: Ordered | None, said: Said) -> Verdict:
    """Whether an outcome counts."""
    if order is None:
        return Verdict.UNKNOWN
    if order.server_id != said.server_id:
        return Verdict.FOREIGN
    match order.state:
        case OrderState.SENT | OrderState.PENDING:  # pending: the answer went out, its mark was lost
            return Verdict.APPLIED
        case OrderState.EXPIRED:
            return Verdict.LATE
        case OrderState.WAITING | OrderState.CANCELLED:
            return Verdict.UNSENT
    return Verdict.TWICE


def settle(connection_ids: Sequence[int], said: Said) -> Settlement:
    """What an outcome makes of its order. Ids that the order never named are left out and told."""
    left = set(connection_ids)
    lists = []
    strange = 0
    for ids in (said.closed, said.gone, said.changed):
        taken = [number for number in dict.fromkeys(ids) if number in left]
        strange += len(ids) - len(taken)
        left.difference_update(taken)
        lists.append(taken)
    detail = said.detail
    if strange:
        detail = f"{strange} ids it named were not ordered or named twice. {detail}".strip()
    closed, gone, changed = lists
    return Settlement(_ENDS[said.status], closed, gone, changed, len(left), detail[:300])


def has_grown(*, planned: int, found: int) -> bool:
    """Whether a scope is more than a tenth larger than when it was looked at."""
    return found > planned * GROWTH


@dataclass(frozen=True, slots=True)
class Progress:
    """A running plan in figures. Servers are those whose turn has come, unless `rest` says otherwise."""

    servers: int
    answered: int  # all of their orders have ended
    failed: int  # one of their orders was refused, failed or expired
    silent: int  # reported when the plan began, and do not now
    players_before: int
    players_now: int
    rest_before: int = 0  # players on the servers whose turn has not come
    rest_now: int = 0


def find_trouble(progress: Progress) -> str:
    """Why a plan must stop now; "" if it may go on."""
    few = progress.servers <= 1
    if progress.failed and (few or progress.failed > progress.answered * FAILED_SHARE):
        return f"{progress.failed} of {progress.answered} servers that answered refused or failed."
    if progress.silent and (few or progress.silent > max(1.0, progress.servers * SILENT_SHARE)):
        return f"{progress.silent} of {progress.servers} servers fell silent."
    expected = float(progress.players_before)
    if progress.rest_before >= FEW_PLAYERS:  # players leave in the evening, too
        expected *= min(1.0, progress.rest_now / progress.rest_before)
    if expected >= FEW_PLAYERS and progress.players_now < expected * PLAYERS_SHARE:
        return f"Players fell from {progress.players_before} to {progress.players_now} on the servers cleaned up."
    return ""


def next_release(servers_per_second: float, *, since: float) -> int:
    """How many servers' turn has come `since` seconds after the last ones'."""
    return max(1, int(servers_per_second * since))


REARM: Final = 0.05  # of the budget: how far below the threshold the rule is armed again for a server


@dataclass(frozen=True, slots=True)
class Load:
    """What one server carries. `fired`: the rule has fired for it and is not armed again."""

    server_id: int
    name: str
    connections: int
    memory_mb: float
    fired: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """What one server may carry (0: no budget) and the share of it above which the rule fires."""

    connections: int
    memory_mb: float
    threshold: float

    def find_overrun(self, load: Load) -> str:
        """What is above the threshold, in words; "" if nothing is."""
        if self.connections and load.connections > self.connections * self.threshold:
            return f"{load.connections:,} of {self.connections:,} connections"
        if self.memory_mb and load.memory_mb > self.memory_mb * self.threshold:
            return f"{load.memory_mb:,.0f} of {self.memory_mb:,.0f} MB"
        return ""

    def is_calm(self, load: Load) -> bool:
        """Whether everything is so far below that the rule is armed again."""
        share = max(round(self.threshold - REARM, 6), 0.0)
        few = not self.connections or load.connections <= self.connections * share
        return few and (not self.memory_mb or load.memory_mb <= self.memory_mb * share)
