"""A game server, without and with reporting."""

import pytest

from tests.agents.python.game import Game


@pytest.fixture
def game() -> Game:
    """A server that reports nothing."""
    return Game()


@pytest.fixture
def reporting() -> Game:
    """A server that reports to the stand-in every 5 s."""
    return Game(interval=5).start()
