"""A game under watch, and who is told. Imports stand in the fixtures: Django is set up after this is read."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from connmon.accounts.models import Game
    from connmon.alerts.models import Destination, Rule
    from tests.alerts.room import Outside


@pytest.fixture
def watched(game: "Game") -> "Game":
    """`game`, evaluated for an hour without a gap, with no rule of its own yet."""
    from connmon.alerts.evaluate import WATCH
    from connmon.alerts.models import Desk, Watch
    from tests.conftest import NOW

    Watch.objects.create(pk=WATCH, last_at=NOW - timedelta(seconds=10), up_since=NOW - timedelta(hours=1))
    Desk.objects.create(game=game, made_at=NOW)
    return game


@pytest.fixture
def make_rule(watched: "Game") -> "Callable[..., Rule]":
    """A rule of `watched` that fires and resolves at once."""
    from connmon.alerts.actions import RuleSpec, create_rule
    from tests.alerts.room import BY
    from tests.conftest import NOW

    def make(kind: str = "server_lost", **fields: Any) -> "Rule":
        spec: dict[str, Any] = {
            "name": kind,
            "kind": kind,
            "threshold": 1,
            "hold_seconds": 0,
            "keep_seconds": 0,
        } | fields
        return create_rule(watched, RuleSpec(**spec), by=BY, now=NOW)

    return make


@pytest.fixture
def destination(game: "Game") -> "Destination":
    """A webhook of `game` with a secret."""
    from connmon.alerts.destinations import DestinationSpec, create_destination
    from tests.alerts.room import BY, HOOK, SECRET
    from tests.conftest import NOW

    spec = DestinationSpec(name="Hook", kind="webhook", address=HOOK, secret=SECRET)
    return create_destination(game, spec, by=BY, now=NOW)


@pytest.fixture
def outside() -> "Outside":
    from tests.alerts.room import Outside

    return Outside()
