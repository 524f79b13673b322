"""What differs between two values or two sets of them, as pages show it: name by name, before and after."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.json import encode

NONE: Final = "—"


class Difference(Struct, frozen=True):
    """One value that differs, as text; an empty side had none. Of two lists only what went and what came is told."""

    name: str
    before: list[str]
    after: list[str]
    service: str = ""  # "": the game's own value
    of_lists: bool = False


def of_entry(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Difference]:
    """What an audit entry tells: every name whose value is another afterwards, or is on one side only."""
    old, new = dict(before or {}), dict(after or {})
    return [_difference(name, old.get(name), new.get(name)) for name in old | new if old.get(name) != new.get(name)]


def of_changes(changes: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """The differences of two configurations (configuration.rules.compare); settings' names differ in all sections."""
    return [_difference(one["setting"], one["before"], one["after"], one["service"] or "") for one in changes]


def _difference(name: str, before: Any, after: Any, service: str = "") -> Difference:
    if isinstance(before, list) and isinstance(after, list):
        went = [show_value(value) for value in before if value not in after]
        came = [show_value(value) for value in after if value not in before]
        return Difference(name, went, came, service, of_lists=bool(went or came))
    return Difference(name, _side(before), _side(after), service)


def _side(value: Any) -> list[str]:
    return [] if value is None else [show_value(value)]


def show_value(value: Any) -> str:
    """A JSON value for people: `true`, `1,234`, `one, two`, `—` for none."""
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(show_value, value)) or "none"
    return value if isinstance(value, str) else encode(value).decode()
