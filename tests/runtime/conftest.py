"""Real processes on folders of their own; after each test not one of them may be left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from connmon.runtime import paths, processes
from connmon.runtime.embedded import running

PATIENCE = 30.0  # seconds before a test gives up on a condition; each takes well under one on an idle machine
START_PATIENCE = 120.0  # seconds for all of `manage.py up`, which takes five on an idle machine
POLL = 0.02  # seconds


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """The condition's first true value; fails the test when there is none within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience:.0f} s for {what}")
        time.sleep(POLL)
    return value


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in the data folder or names it on its command line."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            names_it = any(str(folder) in word for word in process.cmdline())
            ours = names_it or Path(process.cwd()).is_relative_to(folder)
            if ours and process.pid != os.getpid() and processes.is_alive(process):
                found.append(process)
    return found


class Run:
    """A supervisor in a process of its own, with its output in a file."""

    def __init__(self, folder: Path, command: Sequence[str], **options: Any) -> None:
        self.folder = folder
        self.output_path = folder.parent / f"output-{time.monotonic_ns()}"
        with self.output_path.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=paths.REPOSITORY, start_new_session=True, **options
            )

    def output(self) -> str:
        """What it has written so far."""
        return self.output_path.read_text(errors="replace")

    def wait_for_line(self, text: str, times: int = 1, patience: float = PATIENCE) -> None:
        """Wait until the text stands in the output so many times."""

        def seen() -> bool:
            if self.output().count(text) >= times:
                return True
            assert self.process.poll() is None, f"ended before {text!r}:\n{self.output()}"
            return False

        wait_for(seen, f"{text!r} in the output", patience)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it without a chance to clear up."""
        self.process.kill()
        self.process.wait()


StartRun = Callable[..., Run]


@contextmanager
def new_folder() -> Iterator[Path]:
    """A data folder that does not exist yet, with a path short enough for sockets; nothing of it is left behind."""
    parent = Path(tempfile.mkdtemp(prefix="cm-", dir="/tmp"))
    data = parent / "data"
    yield data
    left = processes_of(data)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    processes.wait_gone(left)
    shutil.rmtree(parent)
    sockets = paths.socket_folder(data)
    if not sockets.is_relative_to(data):
        shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    with new_folder() as data:
        yield data


def environment_of(folder: Path) -> dict[str, str]:
    """Of processes on the data folder, which know nothing of the servers of this run."""
    chosen = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY"}
    return {name: value for name, value in os.environ.items() if name not in chosen} | {"CONNMON_DATA": str(folder)}


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of manage.py on the data folder."""
    command = [sys.executable, str(paths.REPOSITORY / "manage.py"), *arguments]
    return subprocess.run(command, env=environment_of(folder), capture_output=True, text=True, check=False)


def run_up(folder: Path) -> Run:
    """`manage.py up` on the data folder, whole, at a free port."""
    command = [sys.executable, str(paths.REPOSITORY / "manage.py"), "up", "--port", "0", "--no-demo"]
    return Run(folder, command, env=environment_of(folder))


@pytest.fixture(scope="session")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database folder made once: creating one takes most of a start's time."""
    data = tmp_path_factory.mktemp("created")
    with running(data):
        pass
    return data / "postgres"


@pytest.fixture
def with_database(folder: Path, created: Path) -> None:
    """The data folder has a database in it."""
    folder.mkdir()
    subprocess.run(["cp", "-a", created, folder / "postgres"], check=True)


@pytest.fixture
def start(folder: Path) -> Iterator[StartRun]:
    """Starts the driver on the data folder with the given stages; whatever still runs is killed at the end."""
    runs: list[Run] = []

    def start_driver(
        *stages: list[dict[str, Any]], wait: bool = True, leftover_patience: float = 10.0, **options: Any
    ) -> Run:
        command = [sys.executable, "-m", "tests.runtime.driver"]
        command += [str(folder), json.dumps(stages), str(leftover_patience)]
        runs.append(Run(folder, command, **options))
        if wait:
            runs[-1].wait_for_line("all started")
        return runs[-1]

    yield start_driver
    for run in runs:
        if run.process.poll() is None:
            run.kill()
