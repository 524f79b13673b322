"""Whether a connection is alive, for connections of any signal library."""

from typing import Any

from connmon_agent.classes import NO_FLAG


def probe(connection: Any) -> tuple[bool | None, int]:
    """Whether a connection lives (None: it is none), and the mark that says how to ask it later."""
    if not callable(getattr(connection, "disconnect", None)) or isinstance(connection, type):
        return None, 0
    connected = getattr(connection, "connected", None)
    if isinstance(connected, bool):
        return connected, 0
    return True, NO_FLAG


def is_connected(connection: Any, marks: int) -> bool:
    """Whether a registered connection, whose class has `marks`, still is connected. One that fails to answer is
    not.
    """
    if marks & NO_FLAG:
        return True
    try:
        return bool(connection.connected)
    except Exception:  # a fault of the connection's own code must not stop the sweep over all the others
        return False
