"""Leftovers are ended, strangers never."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from connmon.runtime import processes
from connmon.runtime.processes import Recorded

COMMAND = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group of its own, as the supervisor's children do."""
    process = subprocess.Popen(COMMAND, start_new_session=True)
    while not psutil.Process(process.pid).cmdline():  # Linux says nothing of it for a moment after exec
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


def refuse(line: str) -> None:
    """Stands where nothing may be said."""
    pytest.fail(line)


def recorded(child: subprocess.Popen[bytes]) -> Recorded:
    return processes.record("worker", child.pid, COMMAND)


def test_a_recorded_child_is_ended(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    processes.write_records(path, [recorded(child)])
    said: list[str] = []
    processes.end_recorded(path, said.append)
    assert said == ["ending what an earlier run has left: worker …"]
    assert child.wait(5) == -15
    assert not path.exists()


def test_a_process_that_started_at_another_time_is_a_stranger(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    processes.write_records(path, [replace(recorded(child), started=time.time() - 3600)])
    processes.end_recorded(path, refuse)
    assert child.poll() is None


def test_a_process_that_runs_another_command_is_a_stranger(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    processes.write_records(path, [replace(recorded(child), command=["/bin/other"])])
    processes.end_recorded(path, refuse)
    assert child.poll() is None


def test_the_group_of_a_dead_child_is_ended(tmp_path: Path) -> None:
    code = (
        f"import os, subprocess; subprocess.Popen({COMMAND!r}, stdout=subprocess.DEVNULL); "
        "print('started', flush=True); os.read(0, 1)"
    )
    command = [sys.executable, "-c", code]
    leader = subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    leader.stdout.readline()
    child = processes.record("worker", leader.pid, command)
    leader.communicate()
    (member,) = processes.group_of(child)
    path = tmp_path / "processes.json"
    processes.write_records(path, [child])
    processes.end_recorded(path, print)
    assert not processes.is_alive(member)


def test_members_older_than_the_recorded_child_are_strangers(child: subprocess.Popen[bytes]) -> None:
    later = Recorded("worker", child.pid, time.time() + 3600, COMMAND)
    assert processes.group_of(later) == []


def test_an_unreadable_record_is_taken_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    path.write_text("[{")
    processes.end_recorded(path, refuse)


def test_the_launcher_gives_up_when_its_parent_is_already_gone() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child of its parent's death")
    command = processes.launch_command(["/bin/true"], death_signal=15)
    command[command.index(str(os.getpid()))] = "1"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the supervisor ended" in done.stderr
