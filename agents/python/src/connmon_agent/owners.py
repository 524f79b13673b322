"""Who connections belong to. An owner is a player, a service or controller (an object or a name) or an entity
of the host; each has a number, and lives here only as long as it has connections. What an owner is follows from
the host, or from the prefix of its text ("player:261", "service:Combat"), never from a part of its name.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Final

from connmon_agent.errors import module_of
from connmon_agent.host import Host, OwnerKind
from connmon_agent.identity import WeakIdentityMap
from connmon_agent.registry import Registry
from connmon_agent.text import quote

_PREFIXED: Final = re.compile(r"(service|controller|system|player):(.+)", re.DOTALL)
_USER_ID: Final = re.compile(r"[0-9]{1,18}")
_NO_OWNERS: Final = frozenset(
    {type(None), bool, int, float, complex, bytes, bytearray, list, dict, set, frozenset, tuple}
)
_KINDS: Final[dict[str, OwnerKind]] = {"service": "service", "controller": "controller", "system": "system"}
_FORGOTTEN: Final = -1

# A text, or the identity of an object that is kept alive as long as it is found by it.
Key = str | int


@dataclass(frozen=True, slots=True)
class Managed:
    """What wrap_service or enhance_controller said of an object."""

    name: str
    kind: OwnerKind


@dataclass(slots=True, eq=False)
class Owner:
    """One owner with connections. `label`: the text that means the same owner, if there is one."""

    number: int
    kind: OwnerKind
    name: str
    label: str | None
    service: int  # number of the service its connections count under; 0: that of the module they are made in
    held: object | None = None  # the object, while the owner is there
    gone_at: float | None = None
    fragment: str | None = None


def _ignore(number: int) -> None:
    """Nobody waits for that owner."""


def _ignore_instance(number: int, instance: object) -> None:
    """Nobody asks for an entity's end."""


class Owners:
    """Owners by number, counted from 0; a number that was freed is used again."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host = host
        self._registry = registry
        self._free: list[int] = []
        self._gone_labels: dict[str, Owner] = {}
        self._gone_objects: WeakIdentityMap[Owner] = WeakIdentityMap()
        self._departed: WeakIdentityMap[bool] = WeakIdentityMap()
        self.index: dict[Key, int] = {}  # owners that are there, by label, short name and object
        self.table: list[Owner] = []
        self.gone: dict[int, Owner] = {}
        self.managed: WeakIdentityMap[Managed] = WeakIdentityMap()
        self.on_instance: Callable[[int, object], None] = _ignore_instance
        self.on_forget: Callable[[int], None] = _ignore

    def resolve(self, owner: object, frame: FrameType) -> int | None:
        """The number of an owner, made if needed; None when `owner` cannot own. `frame`: who asks."""
        known = self.index.get(owner if isinstance(owner, str) else id(owner))
        if known is not None:
            return known
        if isinstance(owner, str):
            return self._resolve_text(owner) if owner else None
        if type(owner) in _NO_OWNERS:
            return None
        managed = self.managed.get(owner)
        if managed is not None:
            return self._join(managed.kind, managed.name, owner)
        identity = self._host.identify(owner)
        if identity is None:
            return self._create("service", _name_of(owner, frame), None, owner).number
        if identity.kind == "player":
            here = identity.present and self._departed.get(owner) is None
            return self._join("player", identity.name, owner, present=here)
        number = self._create(identity.kind, identity.name, None, owner).number
        self.on_instance(number, owner)
        return number

    def lookup(self, owner: object) -> int | None:
        """The number of an owner that has connections, there or gone; None for any other object."""
        known = self.index.get(owner if isinstance(owner, str) else id(owner))
        if known is not None:
            return known
        if not isinstance(owner, str):
            past = self._gone_objects.get(owner)
            if past is not None and past.number != _FORGOTTEN:
                return past.number
            managed = self.managed.get(owner)
            return self.lookup(f"{managed.kind}:{managed.name}") if managed is not None else None
        label = _label_of(owner)
        past = self._gone_labels.get(label)
        return self.index.get(label, past.number if past is not None else None)

    def depart(self, player: object) -> int | None:
        """The player leaves: what is registered for it from now on counts as gone. Its number, if it owns
        anything.
        """
        with suppress(TypeError):  # cannot be referenced weakly: then only the host knows who has left
            self._departed.set(player, True)
        identity = self._host.identify(player)
        label = f"player:{identity.name}" if identity is not None else ""
        return self.index.get(id(player), self.index.get(label))

    def mark_gone(self, number: int) -> None:
        """The owner has gone while it has connections. Whoever comes under the same name later is another
        owner.
        """
        owner = self.table[number]
        if owner.gone_at is not None:
            return
        self._unindex(owner)
        owner.gone_at = self._host.now()
        self.gone[number] = owner
        if owner.label is not None:
            self._gone_labels[owner.label] = owner
        self._remember_past(owner, owner.held)
        owner.held = None

    def release(self, number: int) -> None:
        """Forgets an owner that has no connections left, unless more may be expected of it (a player who is
        here).
        """
        owner = self.table[number]
        if not self._registry.by_name[number] and (owner.gone_at is not None or owner.kind != "player"):
            self.forget(number)

    def forget(self, number: int) -> None:
        """Forgets an owner that has no connections. Twice does no harm: a callback may have been quicker."""
        owner = self.table[number]
        if owner.number == _FORGOTTEN:
            return
        owner.number = _FORGOTTEN
        self._unindex(owner)
        if owner.label is not None and self._gone_labels.get(owner.label) is owner:
            del self._gone_labels[owner.label]
        owner.held = None
        self.gone.pop(number, None)
        self._free.append(number)
        self.on_forget(number)

    def fragment(self, number: int) -> str:
        """The owner's part of a connection's JSON."""
        owner = self.table[number]
        if owner.fragment is None:
            label = owner.label or f"{owner.kind}:{owner.name}"
            owner.fragment = f',"owner":{quote(label, 128)},"owner_kind":"{owner.kind}"'
        return owner.fragment

    def _resolve_text(self, text: str) -> int:
        label = _label_of(text)
        prefix, _, name = label.partition(":")
        if prefix == "player":
            player = self._host.find_player(int(name))
            here = player is not None and self._departed.get(player) is None
            return self._join("player", name, player, present=here)
        return self._join(_KINDS[prefix], name, None)

    def _join(self, kind: OwnerKind, name: str, held: object | None, *, present: bool = True) -> int:
        """The owner of that kind and name, which from now on is found by `held` too; or a new one."""
        label = f"{kind}:{name}"
        if present:
            known = self.index.get(label)
            owner = self.table[known] if known is not None else None
        else:
            owner = self._gone_labels.get(label)
        if owner is None:
            owner = self._create(kind, name, label, held)
            if not present:
                self.mark_gone(owner.number)
        elif owner.gone_at is not None:
            self._remember_past(owner, held)
        elif owner.held is None and held is not None:
            owner.held = held
            self.index[id(held)] = owner.number
        return owner.number

    def _create(self, kind: OwnerKind, name: str, label: str | None, held: object | None) -> Owner:
        """A new owner that is there. One without a label is found by its object only."""
        is_service = kind != "player" and (kind != "system" or label is not None)
        service = self._registry.services.intern(name) if is_service else 0
        if self._free:
            number = self._free.pop()
            owner = self.table[number] = Owner(number, kind, name, label, service, held)
            self._registry.by_name[number] = {}
        else:
            number = len(self.table)
            owner = Owner(number, kind, name, label, service, held)
            self.table.append(owner)
            self._registry.by_name.append({})
        if label is not None:
            self.index[label] = number
            if _label_of(name) == label:  # not of "service:player:5": "player:5" means somebody else
                self.index[name] = number
        if held is not None:
            self.index[id(held)] = number
        return owner

    def _unindex(self, owner: Owner) -> None:
        """The owner is no longer found as one that is there."""
        keys: tuple[Key, ...] = (owner.label or "", owner.name, id(owner.held))
        for key in keys:
            known = self.index.get(key)
            if known is not None and self.table[known] is owner:
                del self.index[key]

    def _remember_past(self, owner: Owner, held: object | None) -> None:
        """One that has gone can still be named by its object, which is not kept alive for it."""
        if held is not None:
            with suppress(TypeError):  # cannot be referenced weakly: then by its label only
                self._gone_objects.set(held, owner)


def _label_of(text: str) -> str:
    """ "Combat" and "service:Combat" mean the same service; only digits make a player."""
    found = _PREFIXED.fullmatch(text)
    if found is None or (found[1] == "player" and not _USER_ID.fullmatch(found[2])):
        return f"service:{text}"
    return f"player:{int(found[2])}" if found[1] == "player" else text


def _name_of(owner: object, frame: FrameType) -> str:
    """The name of an object nobody has named: its own, else that of its class (a module's, a class's own)."""
    own = getattr(owner, "__dict__", {})
    for attribute in ("service_name", "name"):
        name = own.get(attribute)
        if isinstance(name, str) and name:
            return name
    if isinstance(owner, ModuleType | type):
        return owner.__name__.rpartition(".")[2]
    return type(owner).__name__ if type(owner).__module__ != "builtins" else module_of(frame)
