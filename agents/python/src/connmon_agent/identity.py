"""A mapping from objects, by identity, that keeps none of them alive."""

import weakref
from typing import Generic, TypeVar

Value = TypeVar("Value")


class WeakIdentityMap(Generic[Value]):
    """Like weakref.WeakKeyDictionary, but neither hashes nor compares its keys: players may be unhashable
    dataclasses.
    """

    __slots__ = ("__weakref__", "_entries")

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[object], Value]] = {}

    def set(self, key: object, value: Value) -> None:
        """Keeps `value` as long as `key` lives. Raises TypeError for an object that cannot be referenced
        weakly.
        """
        number = id(key)
        entries = self._entries

        def forget(reference: "weakref.ref[object]") -> None:
            entry = entries.get(number)
            if entry is not None and entry[0] is reference:
                del entries[number]

        entries[number] = (weakref.ref(key, forget), value)

    def get(self, key: object) -> Value | None:
        """The value of `key`, or None."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def discard(self, key: object) -> None:
        """Forgets `key`, if it is there."""
        if self.get(key) is not None:
            del self._entries[id(key)]

    def __len__(self) -> int:
        return len(self._entries)
