"""What can be set: sections, names, defaults, units, bounds. Pure values; docs/configuration.md explains each."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connmon.wire.codec import UNPRINTABLE

CONNECTION_MANAGEMENT: Final = "CONNECTION_MANAGEMENT"
CONNECTION_POOLS: Final = "CONNECTION_POOLS"
OPERATIONS: Final = "OPERATIONS"  # what the backend alone acts on; never sent to agents
AGENT_SECTIONS: Final = (CONNECTION_MANAGEMENT, CONNECTION_POOLS)

# Connections that the agents' own calls make, and the commonest others.
SUPPORTED_TYPES: Final = (
    "Players.PlayerAdded",
    "Players.PlayerRemoving",
    "Player.CharacterAdded",
    "Player.CharacterRemoving",
    "RunService.Heartbeat",
    "RunService.Stepped",
    "RemoteEvent.OnServerEvent",
    "UnreliableRemoteEvent.OnServerEvent",
    "BindableEvent.Event",
    "Humanoid.Died",
    "BasePart.Touched",
    "Custom",
)
MAX_TYPES: Final = 64  # the protocol's bound for pools
MAX_TYPE: Final = 64  # characters of a type, the same


class BadValue(ValueError):
    """A value that a setting cannot have; the message says what it takes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `read` returns a value as it is kept, or raises BadValue; `takes` says in words what it accepts."""

    default: Any
    unit: str
    takes: str
    read: Callable[[object], Any]
    per_service: bool = False


def _flag(*, default: bool, per_service: bool = False) -> Setting:
    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise BadValue("true or false")
        return value

    return Setting(default, "", "true or false", read, per_service)


def _number(default: float, low: float, high: float, unit: str, *, per_service: bool = False) -> Setting:
    takes = f"{low:,} to {high:,} {unit}"

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadValue(takes)
        if not low <= value <= high:
            raise BadValue(takes)
        return value

    return Setting(default, unit, takes, read, per_service)


def _count(default: int, low: int, high: int, unit: str) -> Setting:
    takes = f"a whole number, {low:,} to {high:,} {unit}"

    def read(value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadValue(takes)
        return value

    return Setting(default, unit, takes, read)


def _choice(default: str, *choices: str) -> Setting:
    takes = " or ".join(choices)

    def read(value: object) -> str:
        if value not in choices:
            raise BadValue(takes)
        return str(value)

    return Setting(default, "", takes, read)


def _types(default: tuple[str, ...]) -> Setting:
    takes = f"a list of at most {MAX_TYPES} different types, each of 1 to {MAX_TYPE} printable characters"

    def read(value: object) -> list[str]:
        if not isinstance(value, list) or len(value) > MAX_TYPES:
            raise BadValue(takes)
        words = [word for word in value if isinstance(word, str) and 1 <= len(word) <= MAX_TYPE]
        if len(set(words)) != len(value) or any(map(UNPRINTABLE.search, words)):
            raise BadValue(takes)
        return words

    return Setting(list(default), "", takes, read)


SETTINGS: Final[Mapping[str, Mapping[str, Setting]]] = {
    CONNECTION_MANAGEMENT: {
        "ENABLE_CONNECTION_POOLING": _flag(default=True),
        "MAX_POOL_SIZE_PER_TYPE": _count(25, 0, 1_000, "slots"),
        "STALE_CONNECTION_THRESHOLD": _number(300, 60, 86_400, "seconds", per_service=True),
        "EMERGENCY_CLEANUP_THRESHOLD": _number(0.95, 0.01, 1, "of the budget"),
        "AUTO_CLEANUP_STALE_CONNECTIONS": _flag(default=True, per_service=True),
        "ENABLE_PROFILING": _flag(default=True, per_service=True),
    },
    CONNECTION_POOLS: {
        "DEFAULT_POOL_SIZE": _count(10, 0, 1_000, "slots"),
        "MAX_POOL_SIZE": _count(50, 0, 1_000, "slots"),
        "POOL_TYPES": _types(SUPPORTED_TYPES),
    },
    OPERATIONS: {
        "SWEEP_INTERVAL": _number(300, 60, 86_400, "seconds"),
        "GONE_AFTER": _number(3_600, 60, 604_800, "seconds"),
        "SERVERS_PER_SECOND": _number(20, 0.1, 10_000, "servers a second"),
        "SECOND_PERSON": _flag(default=False),
        "CONNECTION_BUDGET_PER_SERVER": _count(0, 0, 10_000_000, "connections (0: no budget)"),
        "MEMORY_BUDGET_PER_SERVER": _number(0, 0, 1_000_000, "megabytes (0: no budget)"),
        "EMERGENCY_SCOPE": _choice("leaked", "leaked", "everything"),
        "EMERGENCY_COOLDOWN": _number(900, 60, 86_400, "seconds"),
        "OPEN_CLOUD_UNIVERSE": _count(0, 0, 2**53 - 1, "(0: no wake-up)"),
    },
}
