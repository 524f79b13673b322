"""What wrap_service and enhance_controller do to an object: it becomes known by name, its own `stop` cleans up,
and it gains one method. Nothing that the object has already is taken away; everything stays as it is at a
second call.
"""

import functools
import inspect
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Final

from connmon_agent import cleanup
from connmon_agent.cleanup import Cleaned
from connmon_agent.core import Core
from connmon_agent.errors import Caller, module_of
from connmon_agent.host import OwnerKind
from connmon_agent.owners import Managed

# What setup_character_management makes for a service stands under the players, by these names behind the service's.
CHARACTER_EVENTS: Final = ("CharacterAdded", "CharacterRemoving")


def manage(core: Core, caller: Caller, instance: object, name: str, kind: OwnerKind) -> bool:
    """Makes an object known as a service or controller. False when it was known already; raises RefusedCall."""
    if not isinstance(name, str) or not name:
        caller.refuse("takes the name of the service, a text that is not empty")
    if isinstance(instance, str | type(None)) or not hasattr(instance, "__dict__"):
        caller.refuse(f"takes an object that can hold attributes; {type(instance).__name__} cannot")
    known = core.owners.managed.get(instance)
    if known is not None and known != Managed(name, kind):
        cleanup_owner(core, instance)  # it changes its name: what stood under the old one would be found no more
    try:
        core.owners.managed.set(instance, Managed(name, kind))
    except TypeError:
        caller.refuse(f"takes an object that can be referenced weakly; {type(instance).__name__} cannot")
    core.registry.classes.claim_module(module_of(caller.frame), name)
    core.registry.services.intern(name)
    if known is None:
        _wrap_stop(core, instance)
    return known is None


def give(core: Core, instance: object, attribute: str, method: Callable[..., Any], instead: str) -> None:
    """Gives an object a method, unless it has one of that name: then `instead` is what its author can call."""
    if hasattr(instance, attribute):
        core.log(f"{type(instance).__name__} keeps its own {attribute}; call {instead} instead")
    else:
        _set(instance, attribute, method)


def cleanup_owner(core: Core, instance: object) -> Cleaned:
    """Disconnects all that a managed object owns, and what it has on players' characters; says what that was."""
    number = core.owners.lookup(instance)
    slots = [*core.registry.by_name[number].values()] if number is not None else []
    on_characters = _slots_on_characters(core, instance)
    cleaned = cleanup.describe(core, slots + on_characters)
    if number is not None:
        cleanup.drain(core, number)
    _close(core, on_characters)
    return cleaned


def _slots_on_characters(core: Core, instance: object) -> list[int]:
    """Where the connections stand that a managed object has on the characters of players."""
    managed = core.owners.managed.get(instance)
    if managed is None:
        return []
    slots = []
    for player in core.host.all_players():
        number = core.owners.lookup(player)
        if number is not None:
            own = core.registry.by_name[number]
            names = (f"{managed.name}.{event}" for event in CHARACTER_EVENTS)
            slots += [own[name] for name in names if name in own]
    return slots


def _close(core: Core, slots: list[int]) -> None:
    """Closes connections, but for those that another one's disconnect has closed."""
    expected = [(slot, core.registry.ids[slot]) for slot in slots]
    for slot, number in expected:
        if core.registry.connections[slot] is not None and core.registry.ids[slot] == number:
            cleanup.close(core, slot)


def _wrap_stop(core: Core, instance: object) -> None:
    """Has the object's own `stop` end with a cleanup, also when it fails, and when it is a coroutine."""
    stop = getattr(instance, "stop", None)
    if not callable(stop):
        return
    reference = weakref.ref(instance)

    def ended() -> None:
        owner = reference()
        if owner is None:
            return
        number = core.owners.lookup(owner)
        if number is not None:
            cleanup.owner_gone(core, number)
        _close(core, _slots_on_characters(core, owner))

    @functools.wraps(stop)
    def stop_and_clean_up(*args: Any, **kwargs: Any) -> Any:
        try:
            result = stop(*args, **kwargs)
        except BaseException:
            ended()
            raise
        if inspect.isawaitable(result):
            return _then(result, ended)
        ended()
        return result

    _set(instance, "stop", stop_and_clean_up)


async def _then(work: Awaitable[Any], ended: Callable[[], None]) -> Any:
    try:
        return await work
    finally:
        ended()


def _set(instance: object, attribute: str, value: object) -> None:
    """Past any __setattr__ of a frozen class: the object's author wrote that for others."""
    vars(instance)[attribute] = value
