"""The cleanup libraries that games use today, fetched with npm for the time of a measurement; none of it is kept here.

The packages hold their Luau source. `npm pack` checks what it downloads against the registry's own digest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 120


class PeersError(RuntimeError):
    """The packages could not be fetched; the message says what to do."""


@dataclass(frozen=True)
class Peer:
    """A package, and where in it the module is. `member`: what the module's table calls the class, if it is in one."""

    package: str
    version: str
    module: str
    member: str | None = None

    @property
    def archive(self) -> str:
        """The name npm gives the package's file."""
        return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


PEERS = {
    "Trove": Peer("@rbxts/trove", "1.3.0", "out/init.lua", "Trove"),
    "Maid": Peer("@rbxts/maid", "1.1.0", "Maid.lua"),
    "Janitor": Peer("@rbxts/janitor", "1.1.2", "src/init.lua", "Janitor"),
}


def cache_folder() -> Path:
    """Where the packages lie between two runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "connmon" / "bench-agent"


def source(peer: Peer, cache: Path) -> bytes:
    """The Luau source of a peer's module, from the cache or from npm. Raises PeersError."""
    archive = cache / peer.archive
    if not archive.exists():
        _pack(peer, cache)
    try:
        with tarfile.open(archive) as package:
            member = package.extractfile(f"package/{peer.module}")
            if member is None:
                raise KeyError(peer.module)
            return member.read()
    except (KeyError, OSError, tarfile.TarError) as error:
        raise PeersError(f"{archive} is no package of {peer.package} {peer.version} ({error}): delete it.") from error


def _pack(peer: Peer, cache: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PeersError("Trove, Janitor and Maid come from npm: install Node.js, or run with --without-peers.")
    cache.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", "--silent", "--ignore-scripts", f"{peer.package}@{peer.version}"]
    try:
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise PeersError(f"npm did not answer within {TIMEOUT_S} s; try again, or use --without-peers.") from None
    if done.returncode != 0 or not (cache / peer.archive).exists():
        raise PeersError(f"npm pack {peer.package} failed ({done.stderr.strip()[-200:]}); or use --without-peers.")
