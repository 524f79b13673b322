"""connmon as its users have it: `manage.py up` on a new folder, all processes real."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 60.0
ADDRESS: Final = re.compile(r"connmon is ready:\s+(\S+)")
SIGN_UP: Final = re.compile(r"first sign-up:\s+(\S+)")
OWN_SETTINGS: Final = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}


@dataclass
class House:
    """A running connmon."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    lines: list[str] = field(default_factory=list)

    def find(self, pattern: re.Pattern[str]) -> str:
        """The first group of `pattern` in what it has printed so far, or nothing."""
        found = pattern.search("\n".join(self.lines))
        return found.group(1) if found else ""

    @property
    def url(self) -> str:
        return self.find(ADDRESS)

    @property
    def sign_up(self) -> str:
        return self.find(SIGN_UP)

    def run(self, *arguments: str) -> str:
        """What a command of manage.py on its data prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        """The end of what it printed, for a failing test."""
        return "\n".join(self.lines[-40:])


@contextmanager
def running(*arguments: str) -> Iterator[House]:
    """`manage.py up` on a new data folder and a free port, with `arguments`; stopped at the end as Ctrl-C does."""
    with TemporaryDirectory(prefix="connmon-e2e-") as folder:
        environment = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
        environment["CONNMON_DATA"] = str(Path(folder) / "data")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "0", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        house = House(process, environment)
        reader = threading.Thread(target=_read, args=(house,), daemon=True)
        reader.start()
        try:
            _wait_until_ready(house)
            yield house
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
            reader.join(STOP_SECONDS)


def _read(house: House) -> None:
    assert house.process.stdout
    with house.process.stdout as output:
        house.lines.extend(line.rstrip() for line in iter(output.readline, ""))


def _wait_until_ready(house: House) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (house.url and house.sign_up):
        if house.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"connmon did not start:\n{house.log()}")
        time.sleep(0.05)
