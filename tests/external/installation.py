"""connmon on servers of somebody else: two web processes, two workers, one beat."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from connmon.runtime import paths, processes
from connmon.runtime.processes import Recorded
from connmon.runtime.supervisor import RECORDS
from tests.external.servers import Postgres, Redis
from tests.machine import Machine, Site
from tests.runtime import release
from tests.runtime.conftest import PATIENCE, START_PATIENCE, Run, wait_for

WEB_PROCESSES: Final = 2
SETTINGS: Final = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY"}
READY: Final = re.compile(r"connmon is ready: (http://[^\s;\"]+)")
CSRF: Final = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
MAKE_GAME: Final = "import django; django.setup(); from tests.runtime.release import make_game; print(make_game().pk)"


class Installation:
    """All processes, and those who use them."""

    def __init__(self, folder: Path, postgres: Postgres, redis: Redis) -> None:
        self.folder = folder
        self.postgres = postgres
        self.redis = redis
        own = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        self.environment = own | {
            "DJANGO_SETTINGS_MODULE": "connmon.settings",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "CONNMON_DATA": str(folder),
            "CONNMON_LOG": "json",
        }
        self.runs: list[Run] = []

    def start(self) -> None:
        """`manage.py up`, and a second worker as the Procfile has it; returns when all is ready."""
        up = ["manage.py", "up", "--port", "0", "--no-demo", "--web-processes", str(WEB_PROCESSES)]
        self.up = self.run([sys.executable, *up])
        self.up.wait_for_line("connmon is ready:", patience=START_PATIENCE)
        found = READY.search(self.up.output())
        assert found
        self.url = found[1]
        self.start_second_worker()
        self.game_id = int(self.call([sys.executable, "-c", MAKE_GAME]))
        self.site = Site(httpx.URL(self.url).port or 0, None, None)  # type: ignore[arg-type]

    def start_second_worker(self) -> None:
        """By hand, as on a second machine."""
        lines = (paths.REPOSITORY / "deploy" / "Procfile").read_text().splitlines()
        (command,) = [line.partition(": ")[2] for line in lines if line.startswith("worker: ")]
        self.second_worker = self.run([sys.executable, *shlex.split(command)[1:]])

    def run(self, command: list[str]) -> Run:
        """A process that goes on until `stop`."""
        self.runs.append(Run(self.folder, command, env=self.environment))
        return self.runs[-1]

    def call(self, command: list[str], **changes: str) -> str:
        """What a command prints, in this environment with `changes`."""
        environment = self.environment | changes
        done = subprocess.run(command, cwd=paths.REPOSITORY, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manage(self, *arguments: str, **changes: str) -> str:
        """What a command of manage.py prints."""
        return self.call([sys.executable, "manage.py", *arguments], **changes)

    def stop(self) -> None:
        """Ends all of it."""
        for run in self.runs:
            if run.process.poll() is None:
                run.stop()

    def records(self) -> list[dict[str, Any]]:
        """All that `manage.py up` has logged. Fails if a line is no record."""
        return [json.loads(line) for line in self.up.output().splitlines()]

    def process(self, name: str) -> Recorded:
        """A process of `manage.py up`."""
        found = [one for one in processes.read_records(self.folder / RECORDS) if one.name == name]
        return found[0] if found else wait_for(lambda: self.process(name), name)

    def kill(self, name: str) -> None:
        """Kills a process of `manage.py up`, and waits until another has taken its place."""
        before = self.process(name).pid
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: any(one.name == name and one.pid != before for one in self.recorded()), f"another {name}")

    def recorded(self) -> list[Recorded]:
        return processes.read_records(self.folder / RECORDS)

    def kill_second_worker(self) -> None:
        """All of its processes; then another is started."""
        pid = self.second_worker.process.pid
        children = psutil.Process(pid).children(recursive=True)
        self.second_worker.kill()
        for child in children:
            child.kill()
        self.start_second_worker()

    def is_ready(self) -> bool:
        """As /readyz says."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=PATIENCE).status_code == 200
        except httpx.HTTPError:
            return False

    def server(self, number: int) -> Machine:
        """A game server."""
        return Machine(self.site, release.KEY, self.game_id, f"server-{number}")  # type: ignore[arg-type]

    @contextmanager
    def logged_in(self) -> Iterator[httpx.Client]:
        """A browser of the game's owner."""
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=PATIENCE) as browser:
            token = CSRF.search(browser.get("/login/").text)
            assert token
            form = {"csrfmiddlewaretoken": token[1], "login": release.EMAIL, "password": release.PASSWORD}
            assert browser.post("/login/", data=form).status_code == 200
            yield browser

    def watch(self, session: str) -> ClientConnection:
        """A live socket on the game's overview."""
        return connect(
            f"{self.url.replace('http', 'ws', 1)}/ws/v1/live?game={release.SLUG}&page=overview",
            additional_headers={"Cookie": f"sessionid={session}"},
            origin=Origin(self.url),
            open_timeout=PATIENCE,
            proxy=None,
        )

    def serving(self, socket: ClientConnection) -> str:
        """Which web process a socket is connected to."""
        port = socket.socket.getsockname()[1]
        for number in range(1, WEB_PROCESSES + 1):
            name = f"web-{number}"
            held = psutil.Process(self.process(name).pid).net_connections("tcp")
            if any(one.raddr and one.raddr.port == port for one in held):
                return name
        raise AssertionError("no web process holds the socket")


def until(condition: Callable[[], Any], what: str, *, patience: float = 3 * PATIENCE) -> Any:
    """The condition's first true value; errors of the network while something restarts count as none."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except (OSError, httpx.HTTPError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"waited {patience:.0f} s for {what}")
