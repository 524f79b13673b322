"""Installing peers starts no service, keeps a machine's policy, and says what to do where it may not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bench.peers import install
from bench.peers.install import InstallError, advice, ensure_installed, missing_packages, no_service_starts


def write_policy(folder: Path, exit_code: int) -> Path:
    policy = folder / "policy-rc.d"
    policy.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    policy.chmod(0o755)
    return policy


def test_services_are_denied_their_start_only_while_packages_are_installed(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with no_service_starts(policy):
        assert subprocess.run([policy, "influxdb", "start"], check=False).returncode == 101
    assert not policy.exists()


def test_a_policy_of_the_machines_own_that_denies_is_kept(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, 101)
    with no_service_starts(policy):
        pass
    assert policy.read_text().endswith("exit 101\n")


def test_nothing_is_installed_under_a_policy_that_would_start_services(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, 0)
    with pytest.raises(InstallError, match="would let the services start"), no_service_starts(policy):
        pass


def test_a_program_on_the_path_is_not_missing() -> None:
    assert missing_packages({"sh": "dash", "no-such-program": "no-such-package"}) == ["no-such-package"]


def test_advice_installs_and_stops_exactly_the_services_among_the_packages() -> None:
    assert advice(["wrk", "influxdb"]) == (
        "sudo apt-get install --no-install-recommends wrk influxdb && sudo systemctl disable --now influxdb"
    )
    assert advice(["wrk"]) == "sudo apt-get install --no-install-recommends wrk"


def test_who_is_not_root_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "PACKAGES", {"no-such-program": "no-such-package"})
    monkeypatch.setattr(install, "missing_packages", lambda: ["no-such-package"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert ensure_installed() == ["no-such-package"]
    printed = capsys.readouterr().out
    assert "it takes root and apt-get" in printed
    assert "sudo apt-get install --no-install-recommends no-such-package" in printed
