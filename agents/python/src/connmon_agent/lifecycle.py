"""Automatic cleanup: when a player leaves, when an entity that owns connections is destroyed. The connections
this takes are the manager's own and stand in its registry, marked essential.
"""

import sys

from connmon_agent import cleanup
from connmon_agent.classes import ALL_MARKS, ESSENTIAL
from connmon_agent.core import Core
from connmon_agent.errors import Caller
from connmon_agent.liveness import probe
from connmon_agent.registration import add, owner_number
from connmon_agent.signals import ConnectionLike

SELF = "system:connmon"


class Lifecycle:
    """Listens for owners that go."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._waiting: set[int] = set()
        core.owners.on_instance = self._wait_for_end
        core.owners.on_forget = self._stop_waiting
        leaving = core.host.player_signal("PlayerRemoving")
        self._register_own("PlayerRemoving", leaving.connect(self._player_left), "Players.PlayerRemoving")

    def _player_left(self, player: object) -> None:
        number = self._core.owners.depart(player)
        if number is not None:
            cleanup.owner_gone(self._core, number)

    def _wait_for_end(self, number: int, instance: object) -> None:
        signal = self._core.host.destroying(instance)
        if signal is None:
            return
        owner = self._core.owners.table[number]

        def ended(*_: object) -> None:
            if self._core.owners.table[number] is owner and owner.held is not None:
                self._stop_waiting(number)
                cleanup.owner_gone(self._core, number)

        self._waiting.add(number)
        self._register_own(f"Destroying:{number}", signal.connect(ended), "Instance.Destroying")

    def _stop_waiting(self, number: int) -> None:
        if number not in self._waiting:
            return
        self._waiting.discard(number)
        own = self._core.owners.lookup(SELF)
        slot = None if own is None else self._core.registry.by_name[own].get(f"Destroying:{number}")
        if slot is not None:
            cleanup.close(self._core, slot)

    def _register_own(self, name: str, connection: ConnectionLike, kind: str) -> None:
        core = self._core
        owner = owner_number(core, Caller("connmon", sys._getframe()), SELF)
        key = core.owners.table[owner].service * ALL_MARKS + ESSENTIAL + probe(connection)[1]
        add(core, owner, name, connection, core.registry.classes.at_module("connmon", kind, key))
