"""connmon as its users run it (`manage.py up`), and ways to do it harm. Ends only what it started."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import redis

from connmon.runtime import paths
from connmon.runtime.processes import is_alive

HOST: Final = "127.0.0.1"
PORTS: Final = range(20_000, 30_000)
OWN_SETTINGS: Final = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
READY_PATIENCE: Final = 120.0  # seconds for the first start
STOP_PATIENCE: Final = 120.0
PROBE_PATIENCE: Final = 3.0  # seconds; /readyz answers within two
SUPERVISOR: Final = "supervisor"
# What tells each part's process among the supervisor's children: a word of its command line, or a program's name.
PARTS: Final = {
    "web": "uvicorn",
    "worker": "prefork",
    "urgent": "urgent@%h",
    "beat": "beat",
    "valkey": "valkey-server",
    "postgres": "postgres",
}


@dataclass
class House:
    """A running connmon. `starts` counts how often the supervisor was started, `gave_up` how often it ended itself."""

    folder: Path
    port: int
    on_own_disk: bool
    web_processes: int = 1
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    gave_up: int = 0
    pids: set[int] = field(default_factory=set)

    @property
    def data(self) -> Path:
        return self.folder / "disk" / "data"

    @property
    def log(self) -> Path:
        """What it has printed, over all its starts."""
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def database_url(self) -> str:
        return paths.embedded_database_url(self.data)

    def environment(self) -> dict[str, str]:
        """Of the supervisor and of other commands of manage.py."""
        kept = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
        return kept | {"CONNMON_DATA": str(self.data), "NO_COLOR": "1"}

    def start(self) -> None:
        """Start the supervisor; it is not waited for."""
        command = [sys.executable, "manage.py", "up", "--host", HOST, "--port", str(self.port), "--no-demo"]
        command += ["--web-processes", str(self.web_processes)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=paths.REPOSITORY, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        self.starts += 1

    def keep_running(self) -> bool:
        """Start a supervisor that has ended by itself, as a service manager would, and count it; whether it had."""
        code = self.process.poll() if self.process else 0
        if code is None or code == -signal.SIGKILL:  # it runs; or we killed it, and start it ourselves
            return False
        self.gave_up += 1
        self.start()
        return True

    def is_ready(self) -> bool:
        """Whether /readyz says 200."""
        with suppress(URLError, OSError), urlopen(f"{self.url}/readyz", timeout=PROBE_PATIENCE) as answer:
            return bool(answer.status == 200)
        return False

    def await_ready(self) -> None:
        """For the first start. Raises RuntimeError with the end of what connmon has printed."""
        deadline = time.monotonic() + READY_PATIENCE
        while not self.is_ready():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                printed = self.log.read_text(errors="replace")[-3_000:]
                raise RuntimeError(f"connmon {'ended' if ended else 'was not ready in time'}:\n{printed}")
            time.sleep(0.2)

    def run(self, *arguments: str) -> str:
        """What a command of manage.py prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=paths.REPOSITORY, env=self.environment(), check=True, capture_output=True, text=True
        )
        return done.stdout

    def find(self, part: str) -> list[psutil.Process]:
        """The processes of a part: children of our supervisor, or the supervisor itself."""
        if self.process is None or self.process.poll() is not None:
            return []
        parent = psutil.Process(self.process.pid)
        if part == SUPERVISOR:
            return [parent]
        found = []
        for child in parent.children():
            with suppress(psutil.Error):
                if any(word.rpartition("/")[2] == PARTS[part] for word in child.cmdline()):
                    found.append(child)
        return found

    def kill(self, part: str) -> bool:
        """kill -9 of the first process of a part; whether there was one."""
        for process in self.find(part)[:1]:
            with suppress(psutil.Error):
                process.kill()  # psutil looks at the start time first
                if part == SUPERVISOR and self.process:
                    self.process.wait()
                return True
        return False

    def empty_valkey(self) -> bool:
        """FLUSHALL; whether Valkey took it."""
        with suppress(redis.RedisError), redis.Redis.from_url(paths.embedded_redis_url(self.data)) as client:
            return bool(client.flushall())
        return False

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Not a byte is left on the data folder's disk, a tmpfs of its own."""
        assert self.on_own_disk
        filler = self.folder / "disk" / "filler"
        try:
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                for size in (1 << 24, 1 << 16, 1 << 12):
                    with suppress(OSError):
                        while file.write(bytes(size)):
                            pass
            yield
        finally:
            filler.unlink(missing_ok=True)

    def own_processes(self) -> list[psutil.Process]:
        """Every living process that was started for this data folder, whoever its parent is."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ours = process.environ().get("CONNMON_DATA") == str(self.data)
                if ours and process.pid != os.getpid() and is_alive(process):
                    found.append(process)
        return found

    def stop(self) -> list[str]:
        """Stop as Ctrl-C does; the command lines of processes that are left, which are then ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_PATIENCE)
        left = self.own_processes()
        orphans = []
        for process in left:
            with suppress(psutil.Error):
                orphans.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
                process.kill()
        return orphans

    def add_people(self) -> dict[str, Any]:
        """A game with keys for reports, a member, and the member's session; as bench/chaos/people.py prints them."""
        found: dict[str, Any] = json.loads(self.run("shell", "--no-imports", "-c", PEOPLE).splitlines()[-1])
        return found


PEOPLE: Final = "from bench.chaos.people import print_people; print_people()"


def free_port() -> int:
    """A port of loopback that nobody listens on now.

    Not one that the kernel hands to clients: while connmon is down, one of them would have it.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with suppress(OSError), socket.socket() as listener:
            listener.bind((HOST, port))
            return port
    raise RuntimeError("no port is free")


@contextmanager
def house(*, disk_mb: int, web_processes: int = 1) -> Iterator[House]:
    """connmon on a new folder below /tmp, ready; on a disk of its own of `disk_mb` megabytes where mount is allowed.

    A SIGTERM ends all of it too.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="cm-chaos-", dir="/tmp"))
    folder.chmod(0o711)
    disk = folder / "disk"
    disk.mkdir()
    mounted = mount(disk, disk_mb)
    found = House(folder, free_port(), mounted, web_processes)
    try:
        found.start()
        found.await_ready()
        yield found
    finally:
        found.stop()
        if mounted:
            subprocess.run(["umount", "--lazy", disk], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def mount(folder: Path, megabytes: int) -> bool:
    """A tmpfs on the folder; False where that is not allowed."""
    options = ["-o", f"size={megabytes}m,mode=0711"]
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0
