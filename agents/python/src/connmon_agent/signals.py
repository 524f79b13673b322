"""What the agent expects of signals and connections, and a ready implementation for servers written in Python.

A host with events of its own adapts them: anything with `connect(callback)` is a signal, anything with
`connected` and `disconnect()` a connection.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

Callback = Callable[..., Any]


class ConnectionLike(Protocol):
    """A callback's connection to a signal."""

    @property
    def connected(self) -> bool:
        """False once it is disconnected; it never becomes True again."""

    def disconnect(self) -> object:
        """Ends it. A second call does nothing."""


class SignalLike(Protocol):
    """Something that callbacks can be connected to."""

    def connect(self, callback: Callback, /) -> ConnectionLike:
        """Has `callback` called whenever the signal fires."""


class Connection:
    """A callback's connection to a `Signal`."""

    __slots__ = ("__weakref__", "_callback", "_once", "_signal", "connected")

    def __init__(self, signal: "Signal", callback: Callback, *, once: bool) -> None:
        self.connected = True
        self._signal: Signal | None = signal
        self._callback: Callback | None = callback
        self._once = once

    def disconnect(self) -> None:
        """Ends the connection and lets go of its callback; a second call does nothing.

        Example::

            connection.disconnect()
        """
        signal = self._signal
        if signal is not None:
            self.connected = False
            self._signal = self._callback = None
            signal._connections.pop(self, None)

    def _call(self, args: tuple[Any, ...]) -> None:
        callback = self._callback
        if callback is None:  # an earlier callback of the same fire disconnected it
            return
        if self._once:
            self.disconnect()
        callback(*args)


def log_error(error: Exception) -> None:
    """Writes a callback's error with its traceback to the log `connmon_agent`."""
    logging.getLogger("connmon_agent").error("a callback failed: %s", error, exc_info=error)


class Signal:
    """A signal: callbacks in the order they were connected, each guarded from the others' errors.

    `on_error` gets what a callback raises; without it the error is logged.

    Example::

        round_ended = Signal()
        connection = round_ended.connect(lambda winner: print(winner))
        round_ended.fire("red")
    """

    __slots__ = ("__weakref__", "_connections", "_on_error")

    def __init__(self, on_error: Callable[[Exception], object] = log_error) -> None:
        self._connections: dict[Connection, None] = {}
        self._on_error = on_error

    def connect(self, callback: Callback, /) -> Connection:
        """Has `callback` called at every fire from now on. Raises TypeError when it cannot be called.

        Example::

            connection = signal.connect(on_round_ended)
        """
        return self._add(callback, once=False)

    def once(self, callback: Callback, /) -> Connection:
        """Has `callback` called at the next fire only.

        Example::

            signal.once(on_first_round_ended)
        """
        return self._add(callback, once=True)

    def fire(self, *args: Any) -> None:
        """Calls every callback that is connected now; one disconnected meanwhile is left out, one added comes
        next time.

        Example::

            signal.fire(player, "left")
        """
        for connection in tuple(self._connections):
            try:
                connection._call(args)
            except Exception as error:  # the signal is the boundary between callbacks
                self._on_error(error)

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def __bool__(self) -> bool:
        """A signal without connections is a signal all the same."""
        return True

    def _add(self, callback: Callback, *, once: bool) -> Connection:
        if not callable(callback):
            raise TypeError(f"a signal connects a callable, not {type(callback).__name__}")
        connection = Connection(self, callback, once=once)
        self._connections[connection] = None
        return connection
