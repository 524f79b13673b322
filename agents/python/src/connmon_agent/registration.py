"""How a connection gets into the registry: its owner resolved, its class found, an old one of its name
replaced.
"""

from dataclasses import dataclass
from types import FrameType

from connmon_agent import cleanup, liveness
from connmon_agent.classes import ALL_MARKS, ESSENTIAL, WATCH
from connmon_agent.core import Core
from connmon_agent.errors import Caller
from connmon_agent.signals import ConnectionLike


@dataclass(frozen=True, slots=True)
class Terms:
    """What a caller may say of a connection beside its owner, name and type."""

    service: str | None = None
    essential: bool = False
    watch: bool = False


PLAIN = Terms()


def register(
    core: Core, caller: Caller, owner: object, name: str, connection: ConnectionLike, kind: str, terms: Terms = PLAIN
) -> int:
    """Registers a connection and returns its id. Raises RefusedCall when it is dead or an argument of no use."""
    check_names(caller, name, kind, terms.service)
    mark = must_live(caller, connection, name)
    number = owner_number(core, caller, owner)
    registry = core.registry
    old = registry.by_name[number].get(name)
    if old is not None and registry.connections[old] is connection:
        return registry.ids[old]
    return registry.ids[add(core, number, name, connection, find_class(core, caller.frame, number, kind, mark, terms))]


def owner_number(core: Core, caller: Caller, owner: object) -> int:
    """The number of an owner. Raises RefusedCall when `owner` cannot own connections."""
    number = core.owners.resolve(owner, caller.frame)
    if number is None:
        caller.refuse("owner takes a player, a service (its object or name) or an entity that can be destroyed")
    return number


def find_class(core: Core, frame: FrameType, owner: int, kind: str, probe_mark: int, terms: Terms) -> int:
    """The class of a connection of `owner` made where `frame` stands; `probe_mark` as liveness.probe gave it."""
    services = core.registry.services
    service = core.owners.table[owner].service if terms.service is None else services.intern(terms.service)
    marks = probe_mark + ESSENTIAL * bool(terms.essential) + WATCH * bool(terms.watch)
    return core.registry.classes.find(frame, kind, service * ALL_MARKS + marks)


def add(core: Core, owner: int, name: str, connection: ConnectionLike, cls: int) -> int:
    """Registers a connection that lives and returns its slot. One that has the name already gives way."""
    registry = core.registry
    old = registry.by_name[owner].get(name)
    if old is None:
        return registry.add(owner, name, connection, cls, core.host.now())
    replaced = registry.remove(old)
    slot = registry.add(owner, name, connection, cls, core.host.now())
    cleanup.disconnect(core, replaced)
    return slot


def must_live(caller: Caller, connection: object, name: str) -> int:
    """The mark of a connection that lives (liveness.probe). Raises RefusedCall for any other."""
    connected, mark = liveness.probe(connection)
    if connected is None:
        caller.refuse(f'"{name}" is no connection: it needs connected and disconnect()')
    if not connected:
        caller.refuse(f'"{name}" is already disconnected; connect again and register the new connection')
    return mark


def check_names(caller: Caller, name: object, kind: object, service: object) -> None:
    """Raises RefusedCall for a name, type or service that is no text, or empty."""
    if not isinstance(name, str) or not name:
        caller.refuse("connection_name takes a text that is not empty")
    if not isinstance(kind, str) or not kind:
        caller.refuse("connection_type takes a text that is not empty")
    if service is not None and (not isinstance(service, str) or not service):
        caller.refuse("service takes a text that is not empty")


def check_signal(caller: Caller, signal: object, callback: object) -> None:
    """Raises RefusedCall for what is no signal or cannot be called."""
    if not callable(getattr(signal, "connect", None)):
        caller.refuse("signal takes something with connect(callback)")
    if not callable(callback):
        caller.refuse("callback takes a function")
