"""ConfigurationManager: the two sections of settings, checked, observable, set here or by the backend."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from connmon_agent.settings import (
    CONNECTION_MANAGEMENT,
    CONNECTION_POOLS,
    SETTINGS,
    BadValue,
    ConnectionManagement,
    ConnectionPools,
    Setting,
)
from connmon_agent.signals import Connection, Signal

MAX_REVISION: Final = 2**31 - 1
MAX_SERVICES: Final = 1_000  # with values of their own
_EVERYWHERE: Final = None  # "service" of the values that hold where a service has none


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that has a new value, for one service or (None) for all without a value of their own."""

    section: str
    key: str
    value: object
    service: str | None = None


class ConfigurationManager:
    """The settings of one agent, by section and name. A bad value is refused and the last good one stays.

    Example::

        configuration = ConfigurationManager()
        configuration.set("CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", 120, service="CombatService")
        configuration.management("CombatService").stale_connection_threshold  # 120.0
    """

    def __init__(self) -> None:
        self._values: dict[str | None, dict[tuple[str, str], object]] = {
            _EVERYWHERE: {(section, key): s.default for section, keys in SETTINGS.items() for key, s in keys.items()}
        }
        self._changed = Signal()
        self._management: dict[str | None, ConnectionManagement] = {}
        self._pools: ConnectionPools | None = None
        self.on_refused = Signal()  # fires with a sentence for each value the backend sent that cannot be
        self.revision = 0  # of the backend's settings in force; 0: none yet

    def get(self, section: str, key: str, service: str | None = None) -> object:
        """A setting's value, for a service if one is named. Raises KeyError for a setting that does not exist.

        Example::

            configuration.get("CONNECTION_POOLS", "DEFAULT_POOL_SIZE")  # 10
        """
        _setting(section, key)
        own = self._values.get(service, {})
        return own.get((section, key), self._values[_EVERYWHERE][(section, key)])

    def set(self, section: str, key: str, value: object, *, service: str | None = None) -> None:
        """Gives a setting a value, for one service or for all that have none of their own.

        Raises KeyError for a setting that does not exist, ValueError for a value it cannot have; then nothing
        changes.

        Example::

            configuration.set("CONNECTION_MANAGEMENT", "ENABLE_CONNECTION_POOLING", False)
        """
        setting = _setting(section, key)
        try:
            self._put(section, key, _read(setting, value, service), service)
        except BadValue as problem:
            raise ValueError(_complaint(section, key, value, problem, service)) from None

    def on_changed(self, callback: Callable[[Change], Any]) -> Connection:
        """Has `callback` called with each change, once per setting. Returns the connection.

        Example::

            configuration.on_changed(lambda change: print(change.key, "is", change.value))
        """
        return self._changed.connect(callback)

    def management(self, service: str | None = None) -> ConnectionManagement:
        """CONNECTION_MANAGEMENT as it holds for a service; cheap, made anew only after a change.

        Example::

            configuration.management("CombatService").auto_cleanup_stale_connections
        """
        if service not in self._values:
            service = _EVERYWHERE
        view = self._management.get(service)
        if view is None:
            values: dict[str, Any] = {
                key.lower(): self.get(CONNECTION_MANAGEMENT, key, service) for key in SETTINGS[CONNECTION_MANAGEMENT]
            }
            view = self._management[service] = ConnectionManagement(**values)
        return view

    def pools(self) -> ConnectionPools:
        """CONNECTION_POOLS; cheap, made anew only after a change.

        Example::

            configuration.pools().max_pool_size  # 50
        """
        if self._pools is None:
            values: dict[str, Any] = {
                key.lower(): self.get(CONNECTION_POOLS, key) for key in SETTINGS[CONNECTION_POOLS]
            }
            self._pools = ConnectionPools(**values)
        return self._pools

    def apply(self, message: object) -> list[str]:
        """Takes over a revision of the backend; never raises. Returns what was refused, a sentence each.

        `message` is {"revision": 4, "CONNECTION_MANAGEMENT": {…}, "CONNECTION_POOLS": {…}, "services": {name:
        {section: {…}}}}. Sections and settings that are missing stay as they are; `services`, if it is there,
        replaces all values of services. What is not known here is passed over, since a newer backend may know
        more.

        Example::

            configuration.apply({"revision": 4, "CONNECTION_POOLS": {"DEFAULT_POOL_SIZE": 20}})
        """
        if not isinstance(message, dict):
            return self._report(["the configuration is no object"])
        revision = message.get("revision")
        if isinstance(revision, bool) or not isinstance(revision, int) or not 0 <= revision <= MAX_REVISION:
            return self._report(["the configuration has no revision"])
        refused = list(self._take(message, _EVERYWHERE))
        if "services" in message:
            refused += self._take_services(message["services"])
        self.revision = revision
        return self._report(refused)

    def _take_services(self, services: object) -> Iterator[str]:
        if services == []:  # how Luau and some encoders write an empty object
            services = {}
        if not isinstance(services, dict) or len(services) > MAX_SERVICES:
            yield f"services takes an object of at most {MAX_SERVICES} services"
            return
        for service in [known for known in self._values if known is not _EVERYWHERE and known not in services]:
            for section, key in list(self._values[service]):
                self._clear(section, key, service)
        for service, message in services.items():
            if isinstance(message, dict):
                yield from self._take(message, service)
                self._clear_unnamed(message, service)

    def _clear_unnamed(self, message: dict[str, Any], service: str) -> None:
        for section, key in list(self._values.get(service, ())):
            values = message.get(section)
            if not isinstance(values, dict) or key not in values:
                self._clear(section, key, service)

    def _take(self, message: dict[str, Any], service: str | None) -> Iterator[str]:
        for section, keys in SETTINGS.items():
            values = message.get(section)
            for key, value in values.items() if isinstance(values, dict) else ():
                setting = keys.get(key)
                if setting is None:
                    continue
                try:
                    self._put(section, key, _read(setting, value, service), service)
                except BadValue as problem:
                    yield _complaint(section, key, value, problem, service)

    def _put(self, section: str, key: str, value: object, service: str | None) -> None:
        own = self._values.setdefault(service, {})
        if (section, key) not in own or own[(section, key)] != value:
            own[(section, key)] = value
            self._announce(Change(section, key, value, service))

    def _clear(self, section: str, key: str, service: str | None) -> None:
        """The value that holds for all holds for that service again."""
        del self._values[service][(section, key)]
        if not self._values[service]:
            del self._values[service]
        self._announce(Change(section, key, self.get(section, key), service))

    def _announce(self, change: Change) -> None:
        self._management.clear()
        self._pools = None
        self._changed.fire(change)

    def _report(self, refused: list[str]) -> list[str]:
        for sentence in refused:
            self.on_refused.fire(sentence)
        return refused


def _setting(section: str, key: str) -> Setting:
    try:
        return SETTINGS[section][key]
    except (KeyError, TypeError):
        raise KeyError(f"there is no setting {section}.{key}; sections: {', '.join(SETTINGS)}") from None


def _read(setting: Setting, value: object, service: str | None) -> object:
    if service is not None and not setting.per_service:
        raise BadValue("one value for all services")
    return setting.read(value)


def _complaint(section: str, key: str, value: object, problem: BadValue, service: str | None) -> str:
    whose = f" of {service}" if service is not None else ""
    return f"{section}.{key}{whose} takes {problem}, not {value!r:.80}; the last good value stays"
