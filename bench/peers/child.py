"""A peer's server as our own child, on a free port of the loopback address."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.05


class PeerError(RuntimeError):
    """A peer that could not be started or stopped; the message carries the end of its log."""


class PeerMissingError(PeerError):
    """A peer whose program is not installed; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running server: its process id, and what it writes to its output."""

    pid: int
    log: Path

    def cpu_s(self) -> float:
        """Processor time the server has used so far, in seconds, all its threads together."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = int(after_name[11]), int(after_name[12])
        return (user + system) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A TCP port of the loopback address that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require(program: str, package: str) -> None:
    """Raises PeerMissingError when `program` is not on the PATH."""
    if shutil.which(program) is None:
        raise PeerMissingError(f"{program} is missing: install it with `apt-get install {package}`")


@contextmanager
def running(
    command: Sequence[str],
    *,
    ready_url: str,
    log: Path,
    cores: str | None,
) -> Iterator[Child]:
    """Start `command`, wait until `ready_url` answers 2xx, and stop it cleanly at the end.

    The child is killed with us if we are killed. Raises PeerError when it ends early, or is not ready or does
    not stop in time.
    """
    # setpriv ties the server's life to ours; both programs are part of every Debian (util-linux).
    bound = ["setpriv", "--pdeathsig", "KILL", "--", *command]
    pinned = ["taskset", "--cpu-list", cores, *bound] if cores else bound
    with log.open("wb") as output:
        process = subprocess.Popen(pinned, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _wait_ready(process, ready_url, log)
        yield Child(process.pid, log)
    finally:
        _stop(process, log)


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise PeerError(f"{process.args!r} ended with {process.returncode} at its start:\n{_tail(log)}")
        if _answers(url):
            return
        time.sleep(POLL_S)
    raise PeerError(f"{url} did not get ready within {READY_TIMEOUT_S} s:\n{_tail(log)}")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1):
            return True
    except (HTTPError, URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.wait()
        raise PeerError(f"{process.args!r} did not stop within {STOP_TIMEOUT_S} s:\n{_tail(log)}") from error


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
