"""The scenarios that every agent is run against."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.agents.python.scenario import World

FOLDER = Path(__file__).parents[3] / "agents" / "conformance"
SCENARIOS = [
    pytest.param(scenario, id=f"{path.stem}: {scenario['name']}")
    for path in sorted(FOLDER.glob("*.json"))
    for scenario in json.loads(path.read_text())["scenarios"]
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_python_agent_does_what_a_scenario_says(scenario: dict[str, Any]) -> None:
    world = World(scenario)
    for number, step in enumerate(scenario["steps"], start=1):
        try:
            world.run(step)
        except AssertionError as error:
            pytest.fail(f"step {number} {json.dumps(step)[:200]}: {error}")


def test_every_step_and_expectation_is_told_of_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text()
    known = {name.partition("_")[2] for name in vars(World) if name.startswith(("do_", "expect_"))}
    assert {name for name in known if f"`{name}`" not in readme} == set()


def test_names_of_scenarios_are_unique() -> None:
    names = [str(parameter.id) for parameter in SCENARIOS]
    assert len(set(names)) == len(names)
