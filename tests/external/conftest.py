"""One installation for all tests here; `make test-external` runs them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.external import debian
from tests.external.servers import Postgres, Redis
from tests.runtime.conftest import new_folder

if TYPE_CHECKING:  # at run time only once Django is set up
    from tests.external.installation import Installation


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if "tests/external/" in str(item.path)]
    if os.environ.get("EXTERNAL") != "1":
        for item in here:
            item.add_marker(pytest.mark.skip(reason="make test-external runs these"))


@pytest.fixture(scope="session")
def external() -> Iterator["Installation"]:
    """connmon on Debian's PostgreSQL 15 and Redis 7."""
    from tests.external.installation import Installation

    try:
        programs = debian.find_postgres(), debian.find_redis()
    except debian.Unavailable as reason:
        pytest.skip(f"Debian's PostgreSQL 15 and Redis 7 cannot be had: {reason}")
    with ExitStack() as last:
        folder = last.enter_context(new_folder())
        postgres = Postgres(folder.parent / "postgres", programs[0])
        redis = Redis(folder.parent / "redis", programs[1])
        for server in (postgres, redis):
            last.callback(server.stop)
            server.start()
        installation = Installation(folder, postgres, redis)
        last.callback(installation.stop)
        installation.start()
        yield installation
