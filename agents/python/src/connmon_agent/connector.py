"""Connects callbacks and registers the connections: what ConnectionManager and ConnectionUtils have in common."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connmon_agent import registration
from connmon_agent.callbacks import FollowedCallback, IntervalCallback
from connmon_agent.core import Core
from connmon_agent.errors import Caller
from connmon_agent.pools import Pools
from connmon_agent.registration import PLAIN, Terms
from connmon_agent.signals import Callback, ConnectionLike, SignalLike

HEARTBEAT = "RunService.Heartbeat"


@dataclass(frozen=True, slots=True)
class Registered:
    """A connection the agent made, its owner's number, and the name it is registered by."""

    connection: ConnectionLike
    owner: int
    name: str


class Connector:
    """Makes connections of one agent, each with a name of its own if the caller gives none."""

    def __init__(self, core: Core, pools: Pools) -> None:
        self._core = core
        self._pools = pools
        self._serial = 0

    def connect(
        self,
        caller: Caller,
        signal: SignalLike,
        callback: Callback,
        owner: object,
        kind: str,
        *,
        name: str | None = None,
        terms: Terms = PLAIN,
        pooled: bool = False,
    ) -> Registered:
        """Connects `signal`, registers the connection and follows when it fires. Raises RefusedCall."""
        registration.check_names(caller, name or "-", kind, terms.service)
        registration.check_signal(caller, signal, callback)
        core = self._core
        number = registration.owner_number(core, caller, owner)
        followed = FollowedCallback(callback, core.host.now)
        try:
            connection = self._pools.connect(kind, signal, followed) if pooled else signal.connect(followed)
            slot, name = self._register(caller, number, name, connection, kind, terms)
        except BaseException:
            core.owners.release(number)  # unless it owns something else
            raise
        if core.registry.connections[slot] is connection:  # else the one it replaced has cleaned its owner up
            cls = core.registry.cls[slot]
            followed.follow(core.habits.of(core.registry.classes.service[cls], kind), core.profiler.of(cls))
            core.registry.activities[slot] = followed
        return Registered(connection, number, name)

    def heartbeat(
        self,
        caller: Caller,
        callback: Callable[[float], Any],
        interval: float,
        owner: object,
        *,
        name: str | None = None,
        terms: Terms = PLAIN,
    ) -> Registered:
        """Connects a callback at an interval to the heartbeat, through its pool. Raises RefusedCall."""
        if not callable(callback) or not is_seconds(interval):
            caller.refuse("callback takes a function, interval seconds from 0 on")
        registration.check_names(caller, name or "-", HEARTBEAT, terms.service)
        number = registration.owner_number(self._core, caller, owner)
        timed = IntervalCallback(callback, interval)
        connection = self._pools.connect(HEARTBEAT, self._core.host.heartbeat, timed)
        slot, name = self._register(caller, number, name, connection, HEARTBEAT, terms)
        timed.profile = self._core.profiler.of(self._core.registry.cls[slot])
        return Registered(connection, number, name)

    def player_signal(self, caller: Caller, event_name: str) -> SignalLike:
        """The players' event of that name. Raises RefusedCall when there is none."""
        try:
            return self._core.host.player_signal(event_name)
        except (LookupError, TypeError):
            caller.refuse(f'the players have no event "{event_name!s:.64}"')

    def remote_signal(self, caller: Caller, remote: object) -> tuple[SignalLike, str]:
        """The signal and type of a remote event. Raises RefusedCall for anything else."""
        try:
            return self._core.host.remote_signal(remote)
        except (TypeError, LookupError) as problem:
            caller.refuse(str(problem))

    def _register(
        self, caller: Caller, owner: int, name: str | None, connection: ConnectionLike, kind: str, terms: Terms
    ) -> tuple[int, str]:
        """The slot and name of a connection made here."""
        if name is None:
            self._serial += 1
            name = f"{kind}#{self._serial}"
        mark = registration.must_live(caller, connection, name)
        cls = registration.find_class(self._core, caller.frame, owner, kind, mark, terms)
        return registration.add(self._core, owner, name, connection, cls), name


def is_seconds(value: object) -> bool:
    """Whether `value` is a span of time: a finite number from 0 on."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
