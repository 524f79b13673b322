"""Words of the wire that are stored as small numbers, their place in the list: a busy report writes 20 of each.

New ones go to the end: the numbers are in the tables.
"""

from enum import StrEnum
from typing import Final


class OwnerKind(StrEnum):
    """Who a connection belongs to."""

    SERVICE = "service"
    CONTROLLER = "controller"
    PLAYER = "player"
    SYSTEM = "system"


class ConnectionState(StrEnum):
    """What the agent says of a connection; docs/protocol.md defines each."""

    LIVE = "live"
    IDLE = "idle"  # quiet for longer than its own habit; information only
    STALE = "stale"  # registered though disconnected, destroyed, or its owner gone past the threshold
    ORPHANED = "orphaned"  # connected though its owner has been gone for more than the grace


OWNER_KINDS: Final = tuple(OwnerKind)
STATES: Final = tuple(ConnectionState)
