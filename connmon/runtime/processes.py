"""Finding and ending processes that an earlier run left behind, without ever hitting a stranger's.

A process number alone proves nothing, since numbers are reused; so each is checked by its start time and
its program, or by the folder it works in.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# Start times are computed from the boot time, which the clock's corrections move a little.
START_TIME_TOLERANCE = 2.0  # seconds
LEFTOVER_PATIENCE = 10.0  # seconds between asking a leftover to end and killing it
POLL = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Recorded:
    """A child as the data folder remembers it. It leads a process group of its own number."""

    name: str
    pid: int
    started: float  # Unix time
    command: list[str]


def launch_command(command: Sequence[str], *, death_signal: int, uid: int = -1, gid: int = -1) -> list[str]:
    """The command line that starts `command` through launch.py, with this process as the parent to outlive."""
    launcher = str(Path(__file__).with_name("launch.py"))
    options = [str(os.getpid()), str(int(death_signal)), str(uid), str(gid)]
    # -I -S: nothing of the user's environment or site-packages is loaded on the way, it takes about 20 ms.
    return [sys.executable, "-I", "-S", launcher, *options, *command]


def record(name: str, pid: int, command: Sequence[str]) -> Recorded:
    """What to remember about a child that has just been started."""
    return Recorded(name, pid, psutil.Process(pid).create_time(), list(command))


def write_records(path: Path, records: Iterable[Recorded]) -> None:
    """Replace the file at once, so that a kill in the middle leaves the older list whole."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps([asdict(one) for one in records]))
    draft.replace(path)


def read_records(path: Path) -> list[Recorded]:
    """The recorded children; none when the file is absent or not ours to understand."""
    try:
        return [Recorded(**entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def is_same(child: Recorded, process: psutil.Process) -> bool:
    """Whether the process is that very child: started then, and running that command (or still its launcher)."""
    with suppress(psutil.Error):
        command = process.cmdline()
        same_command = command[-len(child.command) :] == child.command
        return bool(same_command and abs(process.create_time() - child.started) <= START_TIME_TOLERANCE)
    return False


def group_of(child: Recorded) -> list[psutil.Process]:
    """What is left alive of a recorded child's process group, the child itself included.

    A group's number cannot be given to a new process while the group has members. So if the number's process is
    not our child, or there is none and a member is older than the child, the group is a stranger's.
    """
    try:
        if not is_same(child, psutil.Process(child.pid)):
            return []
    except psutil.NoSuchProcess:
        pass
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == child.pid and is_alive(process):
                members.append(process)
    oldest_allowed = child.started - START_TIME_TOLERANCE
    return members if all(started_at(one) >= oldest_allowed for one in members) else []


def started_at(process: psutil.Process) -> float:
    """Unix time of its start; the far future when it is already gone."""
    try:
        return float(process.create_time())
    except psutil.Error:
        return float("inf")


def working_in(folder: Path, name: str) -> list[psutil.Process]:
    """The processes whose program is called `name…` and whose working directory is the folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name().startswith(name) and process.cwd() == str(folder):
                found.append(process)
    return found


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Signal each that is still the same process; psutil compares the start time before it sends."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)


def end_recorded(path: Path, say: Callable[[str], None]) -> None:
    """End the children that an earlier run recorded and left alive. Blocks up to twice LEFTOVER_PATIENCE."""
    groups = {child.name: group_of(child) for child in read_records(path)}
    alive = [process for group in groups.values() for process in group]
    if alive:
        say(f"ending what an earlier run has left: {', '.join(name for name, group in groups.items() if group)} …")
    send(alive, signal.SIGTERM)
    stubborn = wait_gone(alive)
    send(stubborn, signal.SIGKILL)
    wait_gone(stubborn)
    path.unlink(missing_ok=True)


def wait_gone(running: list[psutil.Process]) -> list[psutil.Process]:
    """Wait up to LEFTOVER_PATIENCE for all to end; those that have not.

    Not psutil.wait_procs, which waits for dead ones too until somebody collects them: in a container without an
    init process nobody does.
    """
    deadline = time.monotonic() + LEFTOVER_PATIENCE
    while (left := [process for process in running if is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(POLL)
    return left


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a dead process that nobody has collected does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def kill_group(pid: int) -> None:
    """Kill what a dead child left in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
