"""Two games with something at every address."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # models can be imported only once Django is set up
    from tests.security.world import Filled


@pytest.fixture(autouse=True)
def generous_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks come faster than the REST views take them from one key or address (tests/api/test_throttles.py)."""
    from api.limits import Buckets

    for place in ("api.throttles.by_key", "api.authentication.bad_keys"):
        monkeypatch.setattr(place, Buckets(rate=1e9, burst=1e9))


@pytest.fixture
def ours(db: None) -> "Filled":
    """The game that is attacked."""
    from tests.security.world import OURS, make_game

    return make_game("Dungeon", OURS, revisions=3)


@pytest.fixture
def theirs(db: None) -> "Filled":
    """A game of somebody else on the same installation."""
    from tests.security.world import THEIRS, make_game

    return make_game("Raceway", THEIRS, revisions=1)
