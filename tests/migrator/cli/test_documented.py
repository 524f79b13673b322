"""What the documentation promises of the command line, and what is installed for hooks, is there."""

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.batch import Step
from migrator.cli import parser
from migrator.validate import Outcome

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs/migrator.md").read_text(encoding="utf-8")


def commands() -> dict[str, argparse.ArgumentParser]:
    """Each command's own parser."""
    (actions,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(actions.choices)


def options() -> Iterator[str]:
    """Every option of every command but --help."""
    for command in commands().values():
        for action in command._actions:
            yield from (name for name in action.option_strings if name not in ("-h", "--help"))


@pytest.mark.parametrize("name", sorted(set(options()) | set(commands())))
def test_every_command_and_option_is_in_the_documentation(name: str) -> None:
    assert f"`{name}" in DOCS or f" {name}" in DOCS


def test_every_outcome_and_step_is_in_the_documentation() -> None:
    for word in [*Outcome, *Step]:
        assert word.value in DOCS


def test_the_hook_runs_what_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    scripts = project["project"]["scripts"]
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    (entry,) = (line.split()[1:] for line in hook.splitlines() if line.strip().startswith("entry:"))
    assert entry[0] in scripts
    assert entry[1] in commands()
    assert "id: connmon-leaks" in DOCS
    module, _, name = scripts[entry[0]].partition(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_what_the_package_carries_is_where_the_tool_looks() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    for package, patterns in data.items():
        folder = ROOT / package.replace(".", "/")
        assert all(list(folder.glob(pattern)) for pattern in patterns)
