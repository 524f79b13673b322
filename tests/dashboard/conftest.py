"""Browsers' sides of the site: logged-in clients."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.test import Client

if TYPE_CHECKING:  # models can be imported only once Django is set up
    from connmon.accounts.models import User


@pytest.fixture
def log_in() -> "Callable[[User], Client]":
    """A client with the user's session."""

    def make(user: "User") -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def as_owner(log_in: "Callable[[User], Client]", owner: "User") -> Client:
    """The game's admin at the browser."""
    return log_in(owner)
