"""What tests of looks share."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # at run time only once Django is set up
    from tests.leaks.looks import Clock


@pytest.fixture
def clock() -> "Clock":
    """Time as a test wants it."""
    from tests.leaks.looks import Clock

    return Clock()
