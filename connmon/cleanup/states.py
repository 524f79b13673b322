"""What plans and orders can be. The words are in the database, the API and on pages."""

from enum import StrEnum
from typing import Final


class Origin(StrEnum):
    """What a plan came from."""

    MANUAL = "manual"  # page, key or command
    EMERGENCY = "emergency"  # by hand, planned and executed in one step
    SWEEP = "sweep"  # AUTO_CLEANUP_STALE_CONNECTIONS
    THRESHOLD = "threshold"  # EMERGENCY_CLEANUP_THRESHOLD


class PlanState(StrEnum):
    """A plan's life: planned → held → running → watching → done, or one of the four other ends."""

    PLANNED = "planned"  # a dry run; nothing happens until it is executed
    HELD = "held"  # will run at next_at unless it is undone
    RUNNING = "running"  # its orders are on their way
    WATCHING = "watching"  # every order has ended; what comes back is counted
    DONE = "done"
    UNDONE = "undone"  # taken back during the hold; nothing was sent
    ABORTED = "aborted"  # by a guard or by hand; `detail` says why
    EXPIRED = "expired"  # never executed


ACTIVE: Final = (PlanState.PLANNED, PlanState.HELD, PlanState.RUNNING, PlanState.WATCHING)


class OrderState(StrEnum):
    """An order's life: waiting → pending → sent → one of the five ends."""

    WAITING = "waiting"  # its server's turn has not come
    PENDING = "pending"  # goes out with the server's next answer, or at once over its socket
    SENT = "sent"  # went out; again at deliver_at unless its outcome has come
    DONE = "done"
    REFUSED = "refused"  # the agent would not
    FAILED = "failed"  # the agent broke off, or its server ended first
    EXPIRED = "expired"  # no outcome in time
    CANCELLED = "cancelled"  # its plan was aborted before it went out


OPEN: Final = (OrderState.WAITING, OrderState.PENDING, OrderState.SENT)
