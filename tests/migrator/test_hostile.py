"""Sources written to break an analyser: answered or refused, never a crash."""

import pytest

from bench.migrator.hostile import SOURCES, is_contained

SLOW = {"random bytes", "100,000 sites", "100,000 members"}  # left to the benchmark


@pytest.mark.parametrize("name", sorted(set(SOURCES) - SLOW))
def test_a_hostile_source_is_contained(name: str) -> None:
    assert is_contained(name, SOURCES[name], bound=float("inf"))
