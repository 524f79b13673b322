"""The settings there are: sections, names, defaults and what a value must be. Pure values; no state."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from connmon_agent.text import clean

CONNECTION_MANAGEMENT: Final = "CONNECTION_MANAGEMENT"
CONNECTION_POOLS: Final = "CONNECTION_POOLS"

# Connections that the agent's own calls make, and the commonest others.
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
    """A value that a setting cannot have; the message says what it can."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its default, and `read`, which returns a value as it is kept or raises BadValue."""

    default: object
    read: Callable[[object], object]
    per_service: bool = False


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValue("true or false")
    return value


def _number(low: float, high: float, unit: str) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadValue(f"{low:g} to {high:g} {unit}")
        if not low <= value <= high:
            raise BadValue(f"{low:g} to {high:g} {unit}")
        return float(value)

    return read


def _count(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        if not whole or not low <= value <= high:  # type: ignore[operator]  # `whole` says that it is a number
            raise BadValue(f"a whole number from {low} to {high}")
        return int(value)  # type: ignore[call-overload,no-any-return]

    return read


_pool_size: Final = _count(0, 1_000)


def _types(value: object) -> tuple[str, ...]:
    """Different types; an empty object is how some encoders write an empty list."""
    words = [] if value == {} else value
    problem = BadValue(f"a list of at most {MAX_TYPES} different types, each of 1 to {MAX_TYPE} printable characters")
    if not isinstance(words, list | tuple) or len(words) > MAX_TYPES:
        raise problem
    if not all(isinstance(word, str) and clean(word, MAX_TYPE) == word for word in words):
        raise problem
    if len(set(words)) < len(words):
        raise problem
    return tuple(words)


SETTINGS: Final[Mapping[str, Mapping[str, Setting]]] = {
    CONNECTION_MANAGEMENT: {
        "ENABLE_CONNECTION_POOLING": Setting(True, _flag),
        "MAX_POOL_SIZE_PER_TYPE": Setting(25, _count(0, 1_000)),
        "STALE_CONNECTION_THRESHOLD": Setting(300.0, _number(60, 86_400, "seconds"), per_service=True),
        "EMERGENCY_CLEANUP_THRESHOLD": Setting(0.95, _number(0.01, 1, "of the budget")),
        "AUTO_CLEANUP_STALE_CONNECTIONS": Setting(True, _flag, per_service=True),
        "ENABLE_PROFILING": Setting(True, _flag, per_service=True),
    },
    CONNECTION_POOLS: {
        "DEFAULT_POOL_SIZE": Setting(10, _pool_size),
        "MAX_POOL_SIZE": Setting(50, _pool_size),
        "POOL_TYPES": Setting(SUPPORTED_TYPES, _types),
    },
}


@dataclass(frozen=True, slots=True)
class ConnectionManagement:
    """CONNECTION_MANAGEMENT as it holds for one service, or for all that have no values of their own."""

    enable_connection_pooling: bool
    max_pool_size_per_type: int  # free slots kept for one type, at most
    stale_connection_threshold: float  # seconds an owner is gone before its connections are stale
    emergency_cleanup_threshold: float  # share of the budget; the backend acts on it
    auto_cleanup_stale_connections: bool
    enable_profiling: bool


@dataclass(frozen=True, slots=True)
class ConnectionPools:
    """CONNECTION_POOLS."""

    default_pool_size: int  # free slots that a new pool keeps
    max_pool_size: int  # slots of any pool
    pool_types: tuple[str, ...]  # the types that have pools
