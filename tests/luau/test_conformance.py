"""The scenarios that every agent is run against, with events delivered at once and deferred."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.luau.scenario import World, load

FOLDER = Path(__file__).parents[2] / "agents" / "conformance"


@pytest.mark.parametrize("scenario", load(FOLDER))
def test_the_luau_agent_does_what_a_scenario_says(
    delivery: Literal["Immediate", "Deferred"], scenario: dict[str, Any]
) -> None:
    world = World(scenario, delivery)
    for number, step in enumerate(scenario["steps"], start=1):
        try:
            world.run(step)
        except AssertionError as error:
            pytest.fail(f"step {number} {json.dumps(step)[:200]}: {error}")
