"""ConfigurationManager: both sections, checked, observable, set here or by the backend."""

import json
from typing import Any

import pytest

from connmon_agent import Change, ConfigurationManager

MANAGEMENT, POOLS = "CONNECTION_MANAGEMENT", "CONNECTION_POOLS"


def test_the_defaults_are_the_promised_ones() -> None:
    configuration = ConfigurationManager()
    management, pools = configuration.management(), configuration.pools()
    assert (management.enable_connection_pooling, management.max_pool_size_per_type) == (True, 25)
    assert (management.stale_connection_threshold, management.emergency_cleanup_threshold) == (300, 0.95)
    assert management.auto_cleanup_stale_connections
    assert (pools.default_pool_size, pools.max_pool_size) == (10, 50)
    assert "RunService.Heartbeat" in pools.pool_types


def test_a_change_is_told_once_and_only_when_there_is_one() -> None:
    configuration = ConfigurationManager()
    changes: list[Change] = []
    connection = configuration.on_changed(changes.append)
    configuration.set(POOLS, "MAX_POOL_SIZE", 40)
    configuration.set(POOLS, "MAX_POOL_SIZE", 40)
    assert changes == [Change(POOLS, "MAX_POOL_SIZE", 40)]
    connection.disconnect()
    configuration.set(POOLS, "MAX_POOL_SIZE", 30)
    assert (len(changes), configuration.pools().max_pool_size) == (1, 30)


def test_a_listener_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Change) -> None:
        raise OSError("bad listener")

    configuration = ConfigurationManager()
    changes: list[Change] = []
    configuration.on_changed(fail)
    configuration.on_changed(changes.append)
    configuration.set(POOLS, "MAX_POOL_SIZE", 40)
    assert len(changes) == 1
    assert "bad listener" in caplog.text


def test_a_service_may_have_values_of_its_own() -> None:
    configuration = ConfigurationManager()
    configuration.set(MANAGEMENT, "STALE_CONNECTION_THRESHOLD", 120, service="Combat")
    assert configuration.get(MANAGEMENT, "STALE_CONNECTION_THRESHOLD", "Combat") == 120
    assert configuration.management("Combat").stale_connection_threshold == 120
    assert configuration.management("Lobby").stale_connection_threshold == 300
    configuration.set(MANAGEMENT, "STALE_CONNECTION_THRESHOLD", 600)
    assert configuration.management("Lobby").stale_connection_threshold == 600
    assert configuration.management("Combat").stale_connection_threshold == 120


BAD_VALUES: list[tuple[str, str, Any]] = [
    (MANAGEMENT, "ENABLE_CONNECTION_POOLING", 1),
    (MANAGEMENT, "ENABLE_CONNECTION_POOLING", "true"),
    (MANAGEMENT, "ENABLE_CONNECTION_POOLING", None),
    (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", -1),
    (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", 2.5),
    (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", float("nan")),
    (MANAGEMENT, "MAX_POOL_SIZE_PER_TYPE", float("inf")),
    (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", 0),
    (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", float("nan")),
    (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", True),
    (MANAGEMENT, "STALE_CONNECTION_THRESHOLD", "300"),
    (MANAGEMENT, "EMERGENCY_CLEANUP_THRESHOLD", 1.5),
    (MANAGEMENT, "AUTO_CLEANUP_STALE_CONNECTIONS", []),
    (POOLS, "DEFAULT_POOL_SIZE", True),
    (POOLS, "DEFAULT_POOL_SIZE", 10**9),
    (POOLS, "MAX_POOL_SIZE", "50"),
    (POOLS, "POOL_TYPES", 5),
    (POOLS, "POOL_TYPES", "Custom"),
    (POOLS, "POOL_TYPES", [5]),
    (POOLS, "POOL_TYPES", {"Custom": 5}),
    (POOLS, "POOL_TYPES", [""]),
    (POOLS, "POOL_TYPES", ["x" * 65]),
    (POOLS, "POOL_TYPES", ["a\nb"]),
    (POOLS, "POOL_TYPES", ["Custom", "Custom"]),
    (POOLS, "POOL_TYPES", [f"T{number}" for number in range(65)]),
]


@pytest.mark.parametrize(("section", "key", "value"), BAD_VALUES, ids=[f"{k}={v!r:.20}" for _, k, v in BAD_VALUES])
def test_a_bad_value_is_refused_and_the_last_good_one_stays(section: str, key: str, value: object) -> None:
    configuration = ConfigurationManager()
    before = configuration.get(section, key)
    with pytest.raises(ValueError, match=f"{section}.{key} takes .* the last good value stays"):
        configuration.set(section, key, value)
    refused = configuration.apply({"revision": 1, section: {key: value}})
    assert len(refused) == 1
    assert configuration.get(section, key) == before


@pytest.mark.parametrize(("value", "read"), [([], ()), ({}, ()), (["Custom", "Touch"], ("Custom", "Touch"))])
def test_pool_types_are_a_list_that_may_be_empty(value: object, read: object) -> None:
    configuration = ConfigurationManager()
    configuration.set(POOLS, "POOL_TYPES", value)
    assert configuration.pools().pool_types == read


@pytest.mark.parametrize(("section", "key"), [("POOLS", "MAX"), (MANAGEMENT, "MAX"), (None, None), ([], "x")])
def test_a_setting_that_does_not_exist_is_an_error(section: str, key: str) -> None:
    configuration = ConfigurationManager()
    with pytest.raises(KeyError, match="there is no setting"):
        configuration.set(section, key, 5)
    with pytest.raises(KeyError, match="there is no setting"):
        configuration.get(section, key)


def test_a_setting_for_all_services_cannot_differ_for_one() -> None:
    configuration = ConfigurationManager()
    with pytest.raises(ValueError, match="one value for all services"):
        configuration.set(POOLS, "MAX_POOL_SIZE", 20, service="Combat")


def test_a_revision_of_the_backend_is_taken_over() -> None:
    configuration = ConfigurationManager()
    changes: list[Change] = []
    configuration.on_changed(changes.append)
    message = {
        "revision": 4,
        MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 120},
        POOLS: {"DEFAULT_POOL_SIZE": 20},
        "services": {"Combat": {MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 90}}},
    }
    assert configuration.apply(json.loads(json.dumps(message))) == []
    assert (configuration.revision, len(changes)) == (4, 3)
    assert configuration.management("Combat").stale_connection_threshold == 90
    assert configuration.pools().default_pool_size == 20


def test_values_of_services_that_a_revision_no_longer_names_end() -> None:
    configuration = ConfigurationManager()
    own = {MANAGEMENT: {"STALE_CONNECTION_THRESHOLD": 90, "ENABLE_PROFILING": False}}
    configuration.apply({"revision": 1, "services": {"Combat": own, "Lobby": own}})
    configuration.apply({"revision": 2})
    assert configuration.management("Combat").stale_connection_threshold == 90
    configuration.apply({"revision": 3, "services": {"Combat": {MANAGEMENT: {"ENABLE_PROFILING": False}}}})
    assert configuration.management("Combat").stale_connection_threshold == 300
    assert not configuration.management("Combat").enable_profiling
    assert configuration.management("Lobby").enable_profiling
    configuration.apply({"revision": 4, "services": []})
    assert configuration.management("Combat").enable_profiling


def test_what_a_newer_backend_may_know_is_passed_over() -> None:
    configuration = ConfigurationManager()
    refused = configuration.apply(
        {
            "revision": 9,
            "v": 2,
            "CONNECTION_WEATHER": {"RAIN": True},
            MANAGEMENT: {"QUANTUM": 5, "STALE_CONNECTION_THRESHOLD": 100},
            POOLS: [],
            "services": {"Combat": {"CONNECTION_WEATHER": {}, MANAGEMENT: {"QUANTUM": 1}}, "Lobby": []},
        }
    )
    assert (refused, configuration.revision) == ([], 9)
    assert configuration.management().stale_connection_threshold == 100


@pytest.mark.parametrize(
    "message",
    [
        None,
        5,
        "x",
        [],
        {},
        {"revision": "4"},
        {"revision": -1},
        {"revision": True},
        {"revision": 1.5},
        {"revision": 2**40},
    ],
    ids=repr,
)
def test_what_is_no_configuration_changes_nothing_and_is_told(message: object) -> None:
    configuration = ConfigurationManager()
    told: list[str] = []
    configuration.on_refused.connect(told.append)
    assert configuration.apply(message) == told
    assert (len(told), configuration.revision) == (1, 0)


@pytest.mark.parametrize(
    "services", [5, "x", None, [1], {f"S{n}": {} for n in range(1_001)}], ids=lambda v: repr(v)[:20]
)
def test_services_of_no_form_are_refused(services: object) -> None:
    assert len(ConfigurationManager().apply({"revision": 1, "services": services})) == 1


def test_good_values_beside_a_bad_one_are_taken() -> None:
    configuration = ConfigurationManager()
    refused = configuration.apply({"revision": 1, POOLS: {"DEFAULT_POOL_SIZE": -1, "MAX_POOL_SIZE": 30}})
    assert (len(refused), configuration.pools().max_pool_size, configuration.revision) == (1, 30, 1)
