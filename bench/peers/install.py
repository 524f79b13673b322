"""Check that the programs of `make bench-ingest` are there; install them with apt-get where that is allowed.

`python -m bench.peers.install` says what is there, what was installed, and what is left to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# Program → the Debian package that carries it.
PACKAGES = {
    "wrk": "wrk",
    "influxd": "influxdb",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "victoria-metrics": "victoria-metrics",
}

# Debian starts these services when it installs them; a bench must not leave servers behind.
UNITS = ("influxdb", "prometheus-pushgateway", "victoria-metrics")

# Debian asks this program before it starts a service; exit code 101 means no.
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_DENIES = 101

APT_TIMEOUT_S = 600


class InstallError(RuntimeError):
    """The packages could not be installed; the message says why."""


def missing_packages(packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """Debian packages whose program is not on the PATH."""
    return [package for program, package in packages.items() if shutil.which(program) is None]


def advice(packages: Sequence[str]) -> str:
    """What a person types to install `packages` and keep their services from running."""
    services = [package for package in packages if package in UNITS]
    install = f"sudo apt-get install --no-install-recommends {' '.join(packages)}"
    disable = f" && sudo systemctl disable --now {' '.join(services)}" if services else ""
    return install + disable


def ensure_installed(*, policy: Path = POLICY) -> list[str]:
    """Install what is missing, starting no service; return what is still missing, after printing why."""
    missing = missing_packages()
    if not missing:
        return []
    try:
        _install(missing, policy)
    except InstallError as error:
        print(f"Not installed: {', '.join(missing)} ({error}). To measure them too: {advice(missing)}")
    return missing_packages()


def _install(packages: Sequence[str], policy: Path) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise InstallError("it takes root and apt-get")
    with no_service_starts(policy):
        print(f"Installing {', '.join(packages)} with apt-get; none of their services is started.")
        try:
            _apt_get("install", "--yes", "--no-install-recommends", *packages)
        except InstallError:
            # A machine whose package lists are missing or old.
            _apt_get("update")
            _apt_get("install", "--yes", "--no-install-recommends", *packages)
    _keep_from_starting_at_boot([package for package in packages if package in UNITS])


def _apt_get(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=APT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"apt-get {arguments[0]} took longer than {APT_TIMEOUT_S} s") from error
    if done.returncode != 0:
        last_line = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise InstallError(f"apt-get {arguments[0]} failed: {' '.join(last_line)}")


@contextmanager
def no_service_starts(policy: Path = POLICY) -> Iterator[None]:
    """While this lasts, installing a package starts no service. Raises InstallError when that cannot be had.

    A policy of the machine's own is kept and asked; only one that we wrote ourselves is removed again.
    """
    if policy.exists():
        if not _denies(policy):
            raise InstallError(f"{policy} would let the services start")
        yield
        return
    policy.write_text(f"#!/bin/sh\nexit {POLICY_DENIES}\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def _denies(policy: Path) -> bool:
    asked = (subprocess.run([policy, unit, "start"], capture_output=True, check=False) for unit in UNITS)
    return all(answer.returncode == POLICY_DENIES for answer in asked)


def _keep_from_starting_at_boot(units: Sequence[str]) -> None:
    if units and shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", *units], capture_output=True, check=False)


def main() -> None:
    """Install what is missing and say what is there."""
    missing = ensure_installed()
    for package in PACKAGES.values():
        print(f"{'missing' if package in missing else 'there'}: {package}")


if __name__ == "__main__":
    main()
