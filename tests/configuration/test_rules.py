"""What a configuration may be: defaults, bounds, overrides, differences."""

import math
from typing import Any

import pytest

from connmon.configuration.rules import NOTHING, Configuration, Overrides, change, compare, empty
from connmon.configuration.schema import SETTINGS, SUPPORTED_TYPES
from connmon.core.errors import Invalid

MANAGEMENT, POOLS = "CONNECTION_MANAGEMENT", "CONNECTION_POOLS"


def changed(settings: object = None, services: object = None, *, old: Overrides = NOTHING) -> Overrides:
    return change(old, settings={} if settings is None else settings, services={} if services is None else services)


def test_the_two_sections_and_their_defaults_are_as_promised() -> None:
    whole = empty().effective()
    assert whole[MANAGEMENT] == {
        "ENABLE_CONNECTION_POOLING": True,
        "MAX_POOL_SIZE_PER_TYPE": 25,
        "STALE_CONNECTION_THRESHOLD": 300,
        "EMERGENCY_CLEANUP_THRESHOLD": 0.95,
        "AUTO_CLEANUP_STALE_CONNECTIONS": True,
        "ENABLE_PROFILING": True,
    }
    assert whole[POOLS] == {"DEFAULT_POOL_SIZE": 10, "MAX_POOL_SIZE": 50, "POOL_TYPES": list(SUPPORTED_TYPES)}


def test_bounds_are_told_in_digits_people_read() -> None:
    assert SETTINGS["OPERATIONS"]["MEMORY_BUDGET_PER_SERVER"].takes == "0 to 1,000,000 megabytes (0: no budget)"
    assert SETTINGS["OPERATIONS"]["SERVERS_PER_SECOND"].takes == "0.1 to 10,000 servers a second"


@pytest.mark.parametrize(("section", "name"), [(s, n) for s, named in SETTINGS.items() for n in named])
def test_every_default_is_a_value_that_its_setting_takes(section: str, name: str) -> None:
    setting = SETTINGS[section][name]
    assert setting.read(setting.default) == setting.default


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (MANAGEMENT, "ENABLE_CONNECTION_POOLING", 1),
        (MANAGEMENT, "ENABLE_CONNECTION_POOLING", "true"),
        (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", -1),
        (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", 2.5),
        (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", True),
        (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", 59),
        (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", "300"),
        (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", math.nan),
        (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", math.inf),
        (MANAGEMENT, "EMERGENCY_CLEANUP_THRESHOLD", 0),
        (MANAGEMENT, "EMERGENCY_CLEANUP_THRESHOLD", 1.01),
        (MANAGEMENT, "EMERGENCY_CLEANUP_THRESHOLD", [0.5]),
        (POOLS, "MAX_POOL_SIZE", 1_001),
        (POOLS, "POOL_TYPES", "Custom"),
        (POOLS, "POOL_TYPES", ["Custom", "Custom"]),
        (POOLS, "POOL_TYPES", [""]),
        (POOLS, "POOL_TYPES", ["x" * 65]),
        (POOLS, "POOL_TYPES", ["a\nb"]),
        (POOLS, "POOL_TYPES", [["Custom"]]),
        (POOLS, "POOL_TYPES", [f"T{n}" for n in range(65)]),
        ("OPERATIONS", "EMERGENCY_SCOPE", "some"),
        ("OPERATIONS", "EMERGENCY_SCOPE", ["leaked"]),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(section: str, name: str, value: object) -> None:
    with pytest.raises(Invalid, match=rf"{section}\.{name} takes "):
        changed({section: {name: value}})


@pytest.mark.parametrize(
    ("settings", "services"),
    [
        ({"NOTHING": {}}, {}),
        ({MANAGEMENT: {"NOTHING": 1}}, {}),
        ({MANAGEMENT: []}, {}),
        ([], {}),
        ({}, []),
        ({}, {"": {}}),
        ({}, {"a\tb": {}}),
        ({}, {"x" * 129: {}}),
        ({}, {"Combat": [1]}),
        ({}, {f"S{n}": {MANAGEMENT: {"AUTO_CLEANUP_STALE_CONNECTIONS": False}} for n in range(1_001)}),
    ],
)
def test_what_has_another_form_is_refused(settings: object, services: object) -> None:
    with pytest.raises(Invalid):
        changed(settings, services)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Invalid, match=r"MAX_POOL_SIZE_PER_TYPE.*; .*STALE_CONNECTION_THRESHOLD"):
        changed({MANAGEMENT: {"MAX_POOL_SIZE_PER_TYPE": -1, "STALE_CONNECTION_THRESHOLD": 1}})


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(Invalid, match="above MAX_POOL_SIZE"):
        changed({POOLS: {"DEFAULT_POOL_SIZE": 60}})


def test_a_service_may_have_values_of_its_own() -> None:
    wanted = changed(
        {MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 200}},
        {"Combat": {MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 100}}},
    )
    configuration = Configuration(1, wanted)
    assert configuration.get(MANAGEMENT, "STALE_CONNECTION_THRESHOLD") == 200
    assert configuration.get(MANAGEMENT, "STALE_CONNECTION_THRESHOLD", "Combat") == 100
    assert configuration.get(MANAGEMENT, "STALE_CONNECTION_THRESHOLD", "Lobby") == 200


def test_settings_of_the_whole_game_are_refused_for_a_service() -> None:
    with pytest.raises(Invalid, match="one value for all services"):
        changed({}, {"Combat": {POOLS: {"MAX_POOL_SIZE": 5}}})


def test_null_goes_back_to_what_holds_without_it() -> None:
    old = changed({POOLS: {"MAX_POOL_SIZE": 60}}, {"Combat": {MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 100}}})
    assert changed({POOLS: {"MAX_POOL_SIZE": None}}, {"Combat": None}, old=old) == NOTHING


def test_a_change_leaves_what_it_does_not_name() -> None:
    old = changed({POOLS: {"MAX_POOL_SIZE": 60}})
    assert changed({POOLS: {"DEFAULT_POOL_SIZE": 20}}, old=old).settings == {
        POOLS: {"MAX_POOL_SIZE": 60, "DEFAULT_POOL_SIZE": 20}
    }
    assert old.settings == {POOLS: {"MAX_POOL_SIZE": 60}}


def test_agents_get_their_sections_whole_and_services_with_what_they_override() -> None:
    own = {"Combat": {MANAGEMENT: {"AUTO_CLEANUP_STALE_CONNECTIONS": False}}}
    config = Configuration(4, changed({POOLS: {"MAX_POOL_SIZE": 60}}, own)).for_agents()
    assert config.keys() == {"revision", MANAGEMENT, POOLS, "services"}
    assert (config["revision"], config[POOLS]["MAX_POOL_SIZE"], config["services"]) == (4, 60, own)
    assert config[MANAGEMENT] == empty().effective()[MANAGEMENT]


@pytest.mark.parametrize(
    ("settings", "services", "difference"),
    [
        ({}, {}, []),
        ({POOLS: {"MAX_POOL_SIZE": 50}}, {}, []),
        ({POOLS: {"MAX_POOL_SIZE": 60}}, {}, [(None, "MAX_POOL_SIZE", 50, 60)]),
        (
            {},
            {"Combat": {MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 100}}},
            [("Combat", "STALE_CONNECTION_THRESHOLD", 300, 100)],
        ),
    ],
)
def test_revisions_are_compared_by_what_holds(settings: Any, services: Any, difference: list[Any]) -> None:
    found = compare(NOTHING, changed(settings, services))
    assert [(one["service"], one["setting"], one["before"], one["after"]) for one in found] == difference
