"""What a plan may be told to close."""

from typing import Any

import pytest

from connmon.cleanup.scope import EVERYTHING, Scope, read_scope, read_wish
from connmon.core.errors import Invalid
from connmon.registry.states import ConnectionState


@pytest.mark.parametrize(
    ("wish", "scope"),
    [
        ({"everything": True}, EVERYTHING),
        ({"states": ["stale"]}, Scope(states=(ConnectionState.STALE,))),
        ({"owner": "player:1", "type": "Custom"}, Scope(owner="player:1", type="Custom")),
        ({"service": "Combat", "older_than": 3600}, Scope(service="Combat", older_than=3600)),
        ({"servers": ["9223372036854775807"]}, Scope(servers=(2**63 - 1,))),
    ],
)
def test_a_scope_is_read_and_written_alike(wish: dict[str, Any], scope: Scope) -> None:
    assert read_wish(wish) == scope
    assert read_scope(scope.to_json()) == scope


def test_what_automatic_plans_add_is_read_back() -> None:
    scope = Scope(states=(ConnectionState.STALE,), without=(3, 4), idle_servers=True)
    assert read_scope(scope.to_json()) == scope


@pytest.mark.parametrize(
    "wish",
    [
        {},
        None,
        [],
        "everything",
        {"everything": False},
        {"everything": 1},
        {"everything": True, "owner": "x"},
        {"nothing": 1},
        {"states": "stale"},
        {"states": ["dead"]},
        {"states": ["stale", "stale"]},
        {"states": [["stale"]]},
        {"owner": ""},
        {"owner": 5},
        {"owner": "x" * 129},
        {"service": "a\0b"},
        {"servers": [5]},
        {"servers": ["-5"]},
        {"servers": ["99999999999999999999"]},
        {"servers": ["9223372036854775808"]},
        {"older_than": -1},
        {"older_than": "1"},
        {"older_than": True},
        {"older_than": float("nan")},
        {"younger_than": float("inf")},
        {"without": [1]},
        {"idle_servers": True},
    ],
    ids=str,
)
def test_a_wish_that_means_nothing_is_refused(wish: Any) -> None:
    with pytest.raises(Invalid):
        read_wish(wish)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (EVERYTHING, "everything not essential"),
        (Scope(states=(ConnectionState.STALE,), service="Combat"), "stale, service Combat"),
        (Scope(servers=(1, 2), older_than=60), "2 servers, open for more than 60 s"),
    ],
)
def test_a_scope_says_in_words_what_it_is(scope: Scope, words: str) -> None:
    assert scope.describe() == words
