"""Ways to disconnect registered connections. A connection leaves the registry before its disconnect runs, so
whatever that calls finds the registry in order; an error in it ends in the log.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from connmon_agent.classes import ESSENTIAL
from connmon_agent.core import Core
from connmon_agent.host import ConnectionState
from connmon_agent.registry import STATE_NAMES
from connmon_agent.signals import ConnectionLike


@dataclass(frozen=True, slots=True)
class Scope:
    """Which connections: those that match everything given. Nothing given means the whole server."""

    services: Collection[str] | None = None
    types: Collection[str] | None = None
    states: Collection[ConnectionState] | None = None
    owner: object | None = None


@dataclass(slots=True)
class CleanupResult:
    """What was closed (in a dry run: would be), what was kept because it is essential, the closed ones by
    service.
    """

    closed: int = 0
    essential: int = 0
    by_service: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(slots=True)
class Cleaned:
    """What an owner's cleanup closed: how many, their names, and how many of each type."""

    closed: int = 0
    names: list[str] = field(default_factory=list)
    by_type: dict[str, int] = field(default_factory=dict)


def disconnect(core: Core, connection: ConnectionLike) -> None:
    """Disconnects what has left the registry."""
    try:
        connection.disconnect()
    except Exception as error:  # of a signal library: the others must be disconnected all the same
        core.log(f"a connection did not disconnect: {error!r}")


def disconnect_all(core: Core, connections: list[ConnectionLike]) -> int:
    """Disconnects what has left the registry and returns how many; `connections` is empty afterwards."""
    count = len(connections)
    while connections:
        disconnect(core, connections.pop())
    return count


def close(core: Core, slot: int) -> None:
    """Disconnects and forgets the connection in a slot."""
    owner = core.registry.owner[slot]
    connection = core.registry.remove(slot)
    if not core.registry.by_name[owner]:
        core.owners.release(owner)
    disconnect(core, connection)


def drain(core: Core, owner: int) -> int:
    """Disconnects all of an owner's connections and returns how many."""
    connections = core.registry.take_all(owner, watched=True)
    core.owners.release(owner)
    return disconnect_all(core, connections)


def describe(core: Core, slots: list[int]) -> Cleaned:
    """What closing the connections in these slots would close."""
    registry = core.registry
    kinds = Counter(registry.classes.kind[registry.cls[slot]] for slot in slots)
    return Cleaned(len(slots), sorted(registry.names[slot] for slot in slots), dict(kinds))


def owner_gone(core: Core, owner: int) -> int:
    """An owner's end: its connections are disconnected. Those only watched stay, and it counts as gone from now
    on.
    """
    connections = core.registry.take_all(owner, watched=False)
    if core.registry.by_name[owner]:
        core.owners.mark_gone(owner)
    else:
        core.owners.forget(owner)
    return disconnect_all(core, connections)


def run(core: Core, scope: Scope, *, dry_run: bool) -> CleanupResult:
    """Closes what `scope` names, never what is essential, nor what its own disconnects register anew."""
    registry = core.registry
    classes, names = registry.classes, registry.services.names
    result = CleanupResult(dry_run=dry_run)
    owner = None if scope.owner is None else core.owners.lookup(scope.owner)
    if scope.owner is not None and owner is None:
        return result
    last = registry.last_id
    for slot in range(registry.top):
        if registry.connections[slot] is None or registry.ids[slot] > last:
            continue
        if not _matches(core, slot, scope, owner):
            continue
        if classes.marks[registry.cls[slot]] & ESSENTIAL:
            result.essential += 1
            continue
        service = names[classes.service[registry.cls[slot]]]
        result.closed += 1
        result.by_service[service] = result.by_service.get(service, 0) + 1
        if not dry_run:
            close(core, slot)
    return result


def _matches(core: Core, slot: int, scope: Scope, owner: int | None) -> bool:
    registry = core.registry
    cls = registry.cls[slot]
    return (
        (owner is None or registry.owner[slot] == owner)
        and (scope.states is None or STATE_NAMES[registry.state[slot]] in scope.states)
        and (scope.types is None or registry.classes.kind[cls] in scope.types)
        and (scope.services is None or registry.services.names[registry.classes.service[cls]] in scope.services)
    )
