"""Finds what has gone stale, idle or orphaned. It looks at a share of the registry each second, so that a pass
over any number of connections takes half a minute and no tick pays for it; every five minutes a pass also
cleans.

Age alone means nothing here: a connection is stale when it is disconnected though registered, or when its owner
has been gone for longer than STALE_CONNECTION_THRESHOLD.
"""

from typing import Final

from connmon_agent import cleanup
from connmon_agent.classes import WATCH
from connmon_agent.core import Core
from connmon_agent.habits import Activity
from connmon_agent.liveness import is_connected
from connmon_agent.pools import Pools
from connmon_agent.registry import IDLE, LIVE, ORPHANED, STALE
from connmon_agent.settings import ConnectionManagement

ORPHAN_GRACE: Final = 60.0  # seconds an owner may be gone before its connections are orphaned
STEP: Final = 1.0  # seconds between two steps
CLEAN_INTERVAL: Final = 300.0  # seconds between two passes that clean
PASS_STEPS: Final = 30  # steps a pass is spread over
SMALLEST_SHARE: Final = 500  # slots looked at in a step, at least


class Sweeper:
    """One manager's sweeps."""

    def __init__(self, core: Core, pools: Pools, now: float) -> None:
        self._core = core
        self._pools = pools
        self._cursor = 0
        self._clean_at = now + CLEAN_INTERVAL
        self._cleaning = False
        self.due = now  # Unix seconds of the next step

    def step(self, now: float) -> None:
        """One share of a pass, when it is due."""
        if now < self.due:
            return
        self.due = now + STEP
        self._sweep_gone(now)
        top = self._core.registry.top
        end = min(top, self._cursor + max(SMALLEST_SHARE, top // PASS_STEPS))
        for slot in self._suspects(self._cursor, end):
            self._sweep(slot, now, clean=self._cleaning)
        self._cursor = end
        if end >= top:
            self._end_pass(now)

    def clean_now(self, now: float) -> int:
        """A whole pass at once; returns how many stale connections it removed."""
        registry = self._core.registry
        last = registry.last_id  # what a disconnect registers meanwhile may take over a slot
        suspects = self._suspects(0, registry.top)
        removed = sum(self._sweep(slot, now, clean=True, asked=True) for slot in suspects if registry.ids[slot] <= last)
        self._pools.sweep()
        return removed

    def _suspects(self, start: int, end: int) -> list[int]:
        """The slots that need judging. Nearly all connections are connected, live and followed by nobody."""
        registry, gone = self._core.registry, self._core.owners.gone
        state, owner, activities = registry.state, registry.owner, registry.activities
        found = []
        for slot, connection in enumerate(registry.connections[start:end], start):
            if connection is None:
                continue
            try:
                healthy = connection.connected is True
            except Exception:  # a fault of the connection's own code: judged below
                healthy = False
            if not healthy or state[slot] != LIVE or owner[slot] in gone or slot in activities:
                found.append(slot)
        return found

    def _end_pass(self, now: float) -> None:
        """The next pass begins at the first slot; it cleans when the time has come."""
        self._pools.sweep()
        self._cursor = 0
        self._cleaning = now >= self._clean_at
        if self._cleaning:
            self._clean_at = now + CLEAN_INTERVAL

    def _sweep(self, slot: int, now: float, *, clean: bool, asked: bool = False) -> bool:
        """Looks at one slot; True when it was cleaned. What nobody asked for is done only if the settings allow
        it.
        """
        registry = self._core.registry
        if registry.connections[slot] is None:
            return False
        state = self._judge(slot, now)
        if state == STALE and clean and (asked or self._settings(slot).auto_cleanup_stale_connections):
            cleanup.close(self._core, slot)
            return True
        registry.set_state(slot, state)
        return False

    def _sweep_gone(self, now: float) -> None:
        """Owners that have gone are few, and what they left matters most: all of it is looked at in each step."""
        registry = self._core.registry
        for number in self._core.owners.gone:
            for slot in registry.by_name[number].values():
                registry.set_state(slot, self._judge(slot, now))

    def _judge(self, slot: int, now: float) -> int:
        """The state of a connection as it stands at `now`."""
        registry = self._core.registry
        marks = registry.classes.marks[registry.cls[slot]]
        if not is_connected(registry.connections[slot], marks):
            return STALE
        owner = self._core.owners.gone.get(registry.owner[slot])
        if owner is not None and owner.gone_at is not None:
            age = now - owner.gone_at
            if age >= self._settings(slot).stale_connection_threshold and not marks & WATCH:
                return STALE
            return ORPHANED if age >= ORPHAN_GRACE else LIVE
        activity = registry.activities.get(slot)
        return IDLE if isinstance(activity, Activity) and activity.is_idle(now) else LIVE

    def _settings(self, slot: int) -> ConnectionManagement:
        registry = self._core.registry
        service = registry.classes.service[registry.cls[slot]]
        return self._core.configuration.management(registry.services.names[service])
