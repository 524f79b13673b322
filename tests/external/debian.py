"""PostgreSQL 15 and Redis 7 as Debian 12 packages them: those that are installed, else unpacked beside the virtual
environment. Nothing is installed, and no service is started."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parents[2] / ".venv" / "debian"
POSTGRES: Final = "usr/lib/postgresql/15/bin/postgres"
REDIS: Final = "usr/bin/redis-check-rdb"  # the same program: by the name redis-server it is the server
# Large, and not needed: just-in-time compilation is loaded when it is there.
LEFT_OUT: Final = {"libllvm14"}
APT_SECONDS: Final = 240.0


class Unavailable(Exception):
    """The packages cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the servers' programs, with what its environment needs."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def beside(self, name: str) -> "Program":
        """Another program of the same folder."""
        return Program(self.path.with_name(name), self.environment)


def find_postgres() -> Program:
    """Raises Unavailable."""
    return find(POSTGRES, "postgresql-15")


def find_redis() -> Program:
    """Raises Unavailable."""
    program = find(REDIS, "redis-tools")
    if CACHE in program.path.parents and not program.path.with_name("redis-server").exists():
        program.path.with_name("redis-server").symlink_to(program.path.name)
    server = program.beside("redis-server")
    said = run([str(server.path), "--version"], server.environment)
    if not re.search(r"v=7\.", said):
        raise Unavailable(f"{server.path} is not Redis 7: {said.strip()}")
    return server


def find(path: str, package: str) -> Program:
    """A program of a package, installed or unpacked."""
    installed = Path("/", path)
    if installed.exists():
        return Program(installed)
    folder = CACHE / package
    if not (folder / path).exists():
        unpack(package, folder)
    libraries = sorted({str(one.parent) for one in folder.rglob("*.so*")})
    return Program(folder / path, {"LD_LIBRARY_PATH": ":".join(libraries)})


def unpack(package: str, folder: Path) -> None:
    """Downloads a package and what it needs and this machine lacks, and unpacks them into the folder."""
    if not all(shutil.which(name) for name in ("apt-get", "apt-cache", "dpkg", "dpkg-query")):
        raise Unavailable(f"{package} is not installed, and this is no Debian that could fetch it.")
    draft = folder.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    if os.geteuid() == 0:
        run(["apt-get", "update", "-qq"])
    run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *missing(package)], cwd=draft)
    for archive in sorted(draft.glob("*.deb")):
        run(["dpkg", "-x", str(archive), str(draft)])
        archive.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def missing(package: str) -> list[str]:
    """The package and all that it depends on, without what is installed."""
    flags = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    tree = run(["apt-cache", "depends", "--recurse", *flags, package])
    named = {line for line in tree.splitlines() if re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", line)}
    status = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"])
    installed = {line.split()[0] for line in status.splitlines() if line.endswith(" installed")}
    return [package, *sorted(named - installed - LEFT_OUT - {package})]


def run(command: Sequence[str], environment: dict[str, str] | None = None, *, cwd: Path | None = None) -> str:
    """What a command prints. Raises Unavailable."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {}), "LC_ALL": "C"},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=APT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
