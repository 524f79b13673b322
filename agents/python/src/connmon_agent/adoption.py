"""What wrap_service and enhance_controller do to an object: it becomes known by name, its own `stop` cleans up,
and it gains one method. Nothing that the object has already is taken away; everything stays as it is at a
second call.
"""

import functools
import inspect
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from connmon_agent import cleanup
from connmon_agent.cleanup import Cleaned
from connmon_agent.core import Core
from connmon_agent.errors import Caller, module_of
from connmon_agent.host import OwnerKind
from connmon_agent.owners import Managed


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
    """Disconnects all that an object owns and says what that was."""
    number = core.owners.lookup(instance)
    if number is None:
        return Cleaned()
    cleaned = cleanup.describe(core, number)
    cleanup.drain(core, number)
    return cleaned


def _wrap_stop(core: Core, instance: object) -> None:
    """Has the object's own `stop` end with a cleanup, also when it fails, and when it is a coroutine."""
    stop = getattr(instance, "stop", None)
    if not callable(stop):
        return
    reference = weakref.ref(instance)

    def ended() -> None:
        owner = reference()
        number = core.owners.lookup(owner) if owner is not None else None
        if number is not None:
            cleanup.owner_gone(core, number)

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
