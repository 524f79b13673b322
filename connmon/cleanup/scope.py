"""What a plan is to close: a few conditions that must all hold. It never is what is essential or on a silent server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connmon.core.errors import Invalid
from connmon.registry.states import STATES, ConnectionState

LEAKED: Final = (ConnectionState.STALE, ConnectionState.ORPHANED)
_TEXTS: Final = {"owner": 128, "service": 128, "type": 64}  # characters, the protocol's bounds
_AGES: Final = ("older_than", "younger_than")
MOST_SERVERS: Final = 10_000  # that a wish names; automatic plans name as many as there are
MOST_SECONDS: Final = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Scope:
    """Conditions; None or empty: any. `servers` are keys; ages in seconds; `without` are ids of services left out.

    `idle_servers`: leave out servers that have open orders already (for automatic plans).
    """

    states: tuple[ConnectionState, ...] = ()
    owner: str | None = None
    service: str | None = None
    type: str | None = None
    servers: tuple[int, ...] = ()
    older_than: float | None = None
    younger_than: float | None = None
    without: tuple[int, ...] = ()
    idle_servers: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it is stored and shown; keys of servers are text, being larger than JSON's safe numbers."""
        found: dict[str, Any] = {
            name: getattr(self, name) for name in (*_TEXTS, *_AGES) if getattr(self, name) is not None
        }
        if self.states:
            found["states"] = [state.value for state in self.states]
        if self.servers:
            found["servers"] = [str(key) for key in self.servers]
        if self.without:
            found["without"] = list(self.without)
        if self.idle_servers:
            found["idle_servers"] = True
        return found or {"everything": True}

    def describe(self) -> str:
        """In words, for people."""
        parts = [f"{name} {getattr(self, name)}" for name in _TEXTS if getattr(self, name) is not None]
        if self.states:
            parts.insert(0, " and ".join(state.value for state in self.states))
        if self.servers:
            parts.append(f"{len(self.servers)} servers" if len(self.servers) > 1 else "one server")
        if self.older_than is not None:
            parts.append(f"open for more than {self.older_than:g} s")
        if self.younger_than is not None:
            parts.append(f"open for less than {self.younger_than:g} s")
        return ", ".join(parts) or "everything not essential"


EVERYTHING: Final = Scope()


def read_scope(value: object) -> Scope:
    """The scope that a request or a row names. Raises Invalid.

    Without a condition it must say {"everything": true}: an empty object is no wish to close everything.
    """
    if not isinstance(value, Mapping) or not value:
        raise Invalid('Name what to close, for instance {"states": ["stale"]}; or {"everything": true}.')
    unknown = value.keys() - {"everything", "states", "servers", "without", "idle_servers", *_TEXTS, *_AGES}
    if unknown:
        raise Invalid(f"A scope knows no {', '.join(sorted(map(str, unknown)))[:80]}.")
    if "everything" in value:
        if value["everything"] is not True or len(value) > 1:
            raise Invalid("everything is true and stands alone.")
        return EVERYTHING
    return Scope(
        states=_states(value.get("states", [])),
        owner=_text(value, "owner"),
        service=_text(value, "service"),
        type=_text(value, "type"),
        servers=_servers(value.get("servers", [])),
        older_than=_age(value, "older_than"),
        younger_than=_age(value, "younger_than"),
        without=tuple(value.get("without", ())),
        idle_servers=bool(value.get("idle_servers", False)),
    )


def read_wish(value: object) -> Scope:
    """`read_scope` for what comes from outside, which may not name what only automatic plans use."""
    if isinstance(value, Mapping) and value.keys() & {"without", "idle_servers"}:
        raise Invalid("A scope knows no without or idle_servers.")
    scope = read_scope(value)
    if len(scope.servers) > MOST_SERVERS:
        raise Invalid(f"servers is a list of at most {MOST_SERVERS:,} servers' ids.")
    return scope


def _states(value: object) -> tuple[ConnectionState, ...]:
    words = [state.value for state in STATES]
    if not isinstance(value, list) or any(word not in words for word in value if isinstance(word, str)):
        raise Invalid(f"states is a list of {', '.join(words)}.")
    if len(set(map(str, value))) != len(value) or not all(isinstance(word, str) for word in value):
        raise Invalid("states names each state once.")
    return tuple(ConnectionState(word) for word in value)


def _text(value: Mapping[str, Any], name: str) -> str | None:
    text: object = value.get(name)
    most = _TEXTS[name]
    if text is not None and (not isinstance(text, str) or not 1 <= len(text) <= most or "\0" in text):
        raise Invalid(f"{name} is a text of 1 to {most} characters.")
    return text


def _servers(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise Invalid("servers is a list of servers' ids.")
    keys = [int(key) for key in value if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 20]
    if len(keys) != len(value) or any(key >= 2**63 for key in keys):
        raise Invalid("A server's id is the text that the list of servers shows.")
    return tuple(keys)


def _age(value: Mapping[str, Any], name: str) -> float | None:
    seconds: object = value.get(name)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_SECONDS:
        raise Invalid(f"{name} is a number of seconds.")
    return seconds
