"""Values across the border between Python and Luau."""

from collections.abc import Mapping, Sequence
from typing import Any

from luauvm._load import extension

MAX_DEPTH = 50  # a table deeper than this is not data but a cycle


def to_python(value: Any, depth: int = 0) -> Any:
    """A Luau value as Python's own: strings as str (invalid UTF-8 escaped), tables as list (keys 1 … n) or dict.

    Functions, threads and userdata stay the handles they are. Raises ValueError for a table nested without end.
    """
    pluau = extension()
    if isinstance(value, pluau.String):
        return value.as_bytes().decode("utf-8", "surrogateescape")
    if not isinstance(value, pluau.Table):
        return value
    if depth >= MAX_DEPTH:
        raise ValueError("The table nests too deep (a cycle?) to become a Python value.")
    items = {to_python(key, depth + 1): to_python(item, depth + 1) for key, item in value}
    if items and all(index in items for index in range(1, len(items) + 1)):
        return [items[index] for index in range(1, len(items) + 1)]
    return items


def to_luau(lua: Any, value: Any) -> Any:
    """A Python value for Luau: str and bytes become strings, sequences and mappings tables, handles pass."""
    if isinstance(value, bytes):
        return lua.create_string(value)
    if isinstance(value, str):
        return lua.create_string(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, Mapping):
        table = lua.create_table()
        for key, item in value.items():
            table.set(to_luau(lua, key), to_luau(lua, item))
        return table
    if isinstance(value, Sequence):
        table = lua.create_table()
        for item in value:
            table.push(to_luau(lua, item))
        return table
    return value
