"""Pools. A disconnected connection cannot be connected again, so what is pooled is something else: one
connection per signal, shared by all callbacks pooled on it, and the slots that those callbacks hang in.

A slot is handed out as a `PooledConnection`, and taken back when it is disconnected. It is used again only once
nobody else holds it: whoever kept an old handle can never disconnect the callback of a later one.
"""

from collections import deque
from dataclasses import dataclass
from sys import getrefcount
from typing import Any, Final

from connmon_agent.core import Core
from connmon_agent.liveness import is_connected, probe
from connmon_agent.signals import Callback, ConnectionLike, SignalLike

_MINE: Final = 2  # references to a slot that nobody holds: the local variable, and the argument of getrefcount


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Slots that exist and that are handed out; since boot, how many were handed out again (hits) or new
    (misses).
    """

    size: int
    in_use: int
    hits: int
    misses: int


class PooledConnection:
    """A callback's slot at a shared connection."""

    __slots__ = ("_callback", "_dispatcher", "_surplus")

    def __init__(self, *, surplus: bool) -> None:
        self._surplus = surplus
        self._callback: Callback | None = None
        self._dispatcher: _Dispatcher | None = None

    @property
    def connected(self) -> bool:
        """Whether the callback still is called."""
        return self._dispatcher is not None and self._dispatcher.alive

    def disconnect(self) -> None:
        """Ends the connection and gives the slot back to its pool; a second call does nothing.

        Example::

            connection.disconnect()
        """
        dispatcher = self._dispatcher
        if dispatcher is not None:
            self._callback = self._dispatcher = None
            dispatcher.remove(self)

    def _hang(self, dispatcher: "_Dispatcher", callback: Callback) -> None:
        self._dispatcher = dispatcher
        self._callback = callback


class _Dispatcher:
    """The one connection to a signal that a pool's slots share; it exists as long as one of them is in use."""

    def __init__(self, pool: "Pool", signal: SignalLike) -> None:
        self._pool = pool
        self.signal = signal
        self.slots: dict[PooledConnection, None] = {}
        self.connection: ConnectionLike = signal.connect(self._fire)
        self._mark = probe(self.connection)[1]

    @property
    def alive(self) -> bool:
        return is_connected(self.connection, self._mark)

    def remove(self, slot: PooledConnection) -> None:
        self.slots.pop(slot, None)
        if not self.slots:
            self._pool.end(self)
        self._pool.take_back(slot)

    def let_go(self) -> None:
        """Disconnects its slots, which nobody needs to do where the signal has disconnected everybody."""
        for slot in tuple(self.slots):
            slot.disconnect()

    def _fire(self, *args: Any) -> None:
        for slot in tuple(self.slots):
            callback = slot._callback
            if callback is None or slot._dispatcher is not self:  # an earlier callback of the same fire disconnected it
                continue
            try:
                callback(*args)
            except Exception as error:  # the others on this signal must be called all the same
                self._pool.callback_failed(error)


class Pool:
    """The pool of one connection type."""

    def __init__(self, core: Core, kind: str) -> None:
        self._core = core
        self._kind = kind
        self._dispatchers: dict[int, _Dispatcher] = {}  # by the signal's identity; a dispatcher keeps its signal
        self._idle: deque[PooledConnection] = deque()  # the longest idle first
        self._in_use = 0
        self._peak = 0
        self._hits = 0
        self._misses = 0

    def stats(self) -> PoolStats:
        """The pool's counters."""
        return PoolStats(self._in_use + len(self._idle), self._in_use, self._hits, self._misses)

    def take(self, signal: SignalLike, callback: Callback) -> PooledConnection:
        """A slot with `callback` on `signal`. What the signal raises at connecting goes on, and nothing has changed."""
        dispatcher = self._dispatchers.get(id(signal))
        if dispatcher is not None and not dispatcher.alive:  # its signal may have disconnected everybody
            dispatcher.let_go()
            dispatcher = None
        if dispatcher is None:
            dispatcher = self._dispatchers[id(signal)] = _Dispatcher(self, signal)
        slot = self._idle_slot() or self._new_slot()
        slot._hang(dispatcher, callback)
        dispatcher.slots[slot] = None
        return slot

    def owns(self, slot: PooledConnection) -> bool:
        """Whether the slot is handed out by this pool."""
        return slot._dispatcher is not None and slot._dispatcher._pool is self

    def take_back(self, slot: PooledConnection) -> None:
        """Keeps a slot that was disconnected, as far as the pool's size allows."""
        if slot._surplus:
            return
        self._in_use -= 1
        if len(self._idle) < self._kept():
            self._idle.append(slot)

    def end(self, dispatcher: _Dispatcher) -> None:
        """Disconnects a signal whose last slot is idle."""
        if self._dispatchers.get(id(dispatcher.signal)) is dispatcher:
            del self._dispatchers[id(dispatcher.signal)]
        try:
            dispatcher.connection.disconnect()
        except Exception as error:  # of a signal library: the slot must come back all the same
            self._core.log(f"a pooled connection ({self._kind}) did not disconnect: {error!r}")

    def sweep(self) -> None:
        """Takes back what hangs on signals that have disconnected everybody."""
        for dispatcher in tuple(self._dispatchers.values()):
            if not dispatcher.alive:
                dispatcher.let_go()

    def callback_failed(self, error: Exception) -> None:
        """One callback's error goes to the log."""
        self._core.log(f"a pooled callback ({self._kind}) failed: {error!r}")

    def restart(self) -> None:
        """A new boot counts from nothing."""
        self._hits = self._misses = 0

    def _idle_slot(self) -> PooledConnection | None:
        """The slot that has been idle longest and that nobody holds; those held are left to whoever holds them."""
        while self._idle:
            slot = self._idle.popleft()
            if getrefcount(slot) == _MINE:
                self._hits += 1
                self._count_use()
                return slot
        return None

    def _new_slot(self) -> PooledConnection:
        """Past MAX_POOL_SIZE a slot is made for one use: it shares the signal's connection, but the pool forgets it."""
        self._misses += 1
        surplus = self._in_use >= self._core.configuration.pools().max_pool_size
        if not surplus:
            self._count_use()
        return PooledConnection(surplus=surplus)

    def _count_use(self) -> None:
        self._in_use += 1
        self._peak = max(self._peak, self._in_use)

    def _kept(self) -> int:
        """Free slots kept: DEFAULT_POOL_SIZE, or as many as were in use at once, up to MAX_POOL_SIZE_PER_TYPE."""
        settings = self._core.configuration.pools()
        wanted = max(settings.default_pool_size, self._peak)
        free_most = self._core.configuration.management().max_pool_size_per_type
        return min(wanted, free_most, settings.max_pool_size - self._in_use)


class Pools:
    """All pools of an agent, by connection type."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._pools: dict[str, Pool] = {}

    def connect(self, kind: str, signal: SignalLike, callback: Callback) -> ConnectionLike:
        """A pooled connection, or a plain one where the settings name no pool of that type."""
        if not self._is_pooled(kind):
            return signal.connect(callback)
        return self._pool(kind).take(signal, callback)

    def give_back(self, kind: str, connection: ConnectionLike) -> bool:
        """Disconnects a connection; False when it was disconnected before, or belongs to another type's pool."""
        if isinstance(connection, PooledConnection):
            pool = self._pools.get(kind)
            if pool is None or not pool.owns(connection):
                return False
        alive = connection.connected
        connection.disconnect()
        return alive

    def stats(self) -> dict[str, PoolStats]:
        """The counters of every pool that was used."""
        return {kind: pool.stats() for kind, pool in self._pools.items()}

    def restart(self) -> None:
        """A new boot counts from nothing."""
        for pool in self._pools.values():
            pool.restart()

    def sweep(self) -> None:
        """Takes back what hangs on signals that have disconnected everybody."""
        for pool in self._pools.values():
            pool.sweep()

    def _is_pooled(self, kind: str) -> bool:
        if not self._core.configuration.management().enable_connection_pooling:
            return False
        return kind in self._core.configuration.pools().pool_types

    def _pool(self, kind: str) -> Pool:
        pool = self._pools.get(kind)
        if pool is None:
            pool = self._pools[kind] = Pool(self._core, kind)
        return pool
