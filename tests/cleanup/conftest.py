"""A server that has something to clean up."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # at run time only once Django is set up
    from tests.machine import Machine


@pytest.fixture
def busy(server: "Machine") -> "Machine":
    """`server` with ten connections of a player."""
    from tests.cleanup.steering import connections

    server.send_first(opened=connections(10))
    return server
