"""The files in deploy/ start what `manage.py up` starts."""

import configparser
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connmon.runtime import paths, plan

DEPLOY = paths.REPOSITORY / "deploy"
PROCFILE = dict(line.split(": ", 1) for line in (DEPLOY / "Procfile").read_text().splitlines())
OPTIONS = plan.Options(
    data=Path("/data"), web_processes=1, with_demo=False, embedded_database=False, embedded_broker=False
)
SITE = cast(Any, SimpleNamespace(listener=SimpleNamespace(fileno=lambda: 9), listen=None, url=""))
OWN = {"--host", "--port", "--fd", "--schedule", "-W"}  # of one way to start only


def options_of(words: list[str]) -> set[tuple[str, str]]:
    """Each option with the word after it, if that is its value."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return {
        (word, "" if value.startswith("-") else value) for word, value in pairs if word[0:1] == "-" and word not in OWN
    }


@pytest.mark.parametrize("name", ["web", "worker", "urgent", "beat"])
def test_the_procfile_starts_processes_with_the_options_of_up(name: str) -> None:
    specs = [spec for stage in plan.make_stages(OPTIONS, SITE) for spec in stage if spec.name == name]
    assert specs[0].command[0] == sys.executable
    assert options_of(shlex.split(PROCFILE[name])[1:]) == options_of(list(specs[0].command[1:]))


def test_the_release_step_does_what_up_does_before_the_others() -> None:
    steps = [spec for stage in plan.make_stages(OPTIONS, SITE) for spec in stage if spec.name in {"migrate", "static"}]
    for spec in steps:
        assert " ".join(spec.command[2:]) in PROCFILE["release"]


@pytest.mark.parametrize("name", ["connmon.service", "connmon-backup.service", "connmon-backup.timer"])
def test_units_are_whole_and_name_commands_that_exist(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False, delimiters=("=",))
    unit.read_string((DEPLOY / "systemd" / name).read_text())
    if not unit.has_section("Service"):
        assert unit.get("Timer", "Unit", fallback="connmon-backup.service") == "connmon-backup.service"
        return
    words = unit.get("Service", "ExecStart").split()
    commands = paths.REPOSITORY / "connmon" / "runtime" / "management" / "commands"
    assert (words[1], (commands / f"{words[2]}.py").exists()) == ("manage.py", True)
