"""How overrides are laid over defaults, checked, changed and compared. Pure: values in, value out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connmon.configuration.schema import AGENT_SECTIONS, CONNECTION_POOLS, SETTINGS, BadValue, Setting
from connmon.core.errors import Invalid
from connmon.wire.codec import UNPRINTABLE
from connmon.wire.v1 import MAX_SERVICES

Section = Mapping[str, Any]
Sections = Mapping[str, Section]
MAX_NAME: Final = 128  # characters of a service's name, the protocol's bound


@dataclass(frozen=True)
class Overrides:
    """What differs from the defaults: for the whole game, and for single services."""

    settings: Sections
    services: Mapping[str, Sections]


NOTHING: Final = Overrides({}, {})


@dataclass(frozen=True)
class Configuration:
    """A game's configuration as it holds. `revision` 0: nothing was ever set."""

    revision: int
    overrides: Overrides

    def get(self, section: str, name: str, service: str | None = None) -> Any:
        """A setting's value, for a service if one is named. Raises KeyError for one that does not exist."""
        default = SETTINGS[section][name].default
        of_game = self.overrides.settings.get(section, {}).get(name, default)
        if service is None:
            return of_game
        return self.overrides.services.get(service, {}).get(section, {}).get(name, of_game)

    def effective(self) -> dict[str, dict[str, Any]]:
        """Every section with every setting as it holds for a service without values of its own."""
        return {section: {name: self.get(section, name) for name in named} for section, named in SETTINGS.items()}

    def services_with(self, section: str, name: str, value: Any) -> list[str]:
        """The services whose own value of a setting is `value`."""
        services = self.overrides.services
        return [service for service, own in services.items() if own.get(section, {}).get(name) == value]

    def for_agents(self) -> dict[str, Any]:
        """The `config` of an answer: the agents' sections whole, services with what they override."""
        whole = self.effective()
        return {
            "revision": self.revision,
            **{section: whole[section] for section in AGENT_SECTIONS},
            "services": {name: dict(own) for name, own in self.overrides.services.items()},
        }


def change(old: Overrides, *, settings: object, services: object) -> Overrides:
    """`old` with a patch laid over it: a value sets, null goes back to what holds without it.

    `settings` is {section: {name: value}}, `services` {service: {section: {name: value}}}. Raises Invalid, and says
    every fault at once.
    """
    faults: list[str] = []
    new_settings = _merge(old.settings, settings, "", faults)
    new_services: dict[str, Sections] = dict(old.services)
    if not isinstance(services, Mapping):
        faults.append("services takes an object of services")
        services = {}
    for name, patch in services.items():
        if not 1 <= len(name) <= MAX_NAME or UNPRINTABLE.search(name):
            faults.append(f"a service's name has 1 to {MAX_NAME} printable characters, not {name[:40]!r}")
            continue
        merged = {} if patch is None else _merge(new_services.get(name, {}), patch, f" of {name}", faults)
        if merged:
            new_services[name] = merged
        else:
            new_services.pop(name, None)
    if len(new_services) > MAX_SERVICES:
        faults.append(f"at most {MAX_SERVICES:,} services have values of their own")
    result = Overrides(new_settings, new_services)
    if not faults:
        faults += _conflicts(Configuration(0, result))
    if faults:
        raise Invalid("; ".join(faults[:20]) + ".")
    return result


def _merge(old: Sections, patch: object, whose: str, faults: list[str]) -> Sections:
    merged = {section: dict(values) for section, values in old.items()}
    if not isinstance(patch, Mapping):
        faults.append(f"settings{whose} takes an object of sections")
        return merged
    for section, values in patch.items():
        if section not in SETTINGS or not isinstance(values, Mapping):
            faults.append(f"there is no section {section[:40]!r}; sections are objects: {', '.join(SETTINGS)}")
            continue
        for name, value in values.items():
            _put(merged.setdefault(section, {}), section, name, value, whose, faults)
    return {section: values for section, values in merged.items() if values}


def _put(values: dict[str, Any], section: str, name: str, value: object, whose: str, faults: list[str]) -> None:
    setting = SETTINGS[section].get(name)
    if setting is None:
        faults.append(f"there is no setting {section}.{name[:60]}")
    elif whose and not setting.per_service:
        faults.append(f"{section}.{name} has one value for all services")
    elif value is None:
        values.pop(name, None)
    else:
        _read(values, setting, section, name, value, whose, faults)


def _read(
    values: dict[str, Any], setting: Setting, section: str, name: str, value: object, whose: str, faults: list[str]
) -> None:
    try:
        values[name] = setting.read(value)
    except BadValue as problem:
        faults.append(f"{section}.{name}{whose} takes {problem}, not {value!r:.60}")


def _conflicts(whole: Configuration) -> Iterator[str]:
    default, most = (whole.get(CONNECTION_POOLS, name) for name in ("DEFAULT_POOL_SIZE", "MAX_POOL_SIZE"))
    if default > most:
        yield f"{CONNECTION_POOLS}.DEFAULT_POOL_SIZE ({default}) is above MAX_POOL_SIZE ({most})"


def compare(before: Overrides, after: Overrides) -> list[dict[str, Any]]:
    """What differs: {"service" (null: the game), "section", "setting", "before", "after"}, values as they hold."""
    old, new = Configuration(0, before), Configuration(0, after)
    found = []
    for service in (None, *sorted(before.services.keys() | after.services.keys())):
        for section, named in SETTINGS.items():
            for name, setting in named.items():
                if service is not None and not setting.per_service:
                    continue
                was, is_ = old.get(section, name, service), new.get(section, name, service)
                own = service is None or _owns(before, service, section, name) or _owns(after, service, section, name)
                if own and was != is_:
                    found.append({"service": service, "section": section, "setting": name, "before": was, "after": is_})
    return found


def _owns(overrides: Overrides, service: str, section: str, name: str) -> bool:
    return name in overrides.services.get(service, {}).get(section, {})


def empty() -> Configuration:
    """Of a game that never set anything."""
    return Configuration(0, NOTHING)
