"""The single-file build."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.luau import build
from luauvm import VM

BUILD = Path(build.__file__)


def test_the_bundle_works_like_the_package() -> None:
    vm = VM()
    vm.add_script("ServerScriptService.connmon", build.bundle())
    result = vm.run("""
        local connmon = require(game:GetService('ServerScriptService').connmon)
        local manager = connmon.ConnectionManager
        connmon.start({ Url = 'http://backend', Key = 'k' })
        manager:ConnectHeartbeat(function() end, 1, 'Combat')
        return manager:GetConnectionStats().Services.Combat.Live
    """)
    assert result == [1]
    vm.advance(3, fps=10)
    assert len(vm.requests) == 1
    assert vm.errors == []


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    outputs = [
        subprocess.run([sys.executable, BUILD], check=True, capture_output=True).stdout,
        subprocess.run([sys.executable, BUILD, "--out", tmp_path / "connmon.luau"], check=True).stdout
        or (tmp_path / "connmon.luau").read_bytes(),
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith(b"--!nocheck\n-- connmon 0.1.0")


def test_a_require_of_a_missing_module_fails_the_build() -> None:
    with pytest.raises(build.BuildError, match="Combat requires Nowhere"):
        build.bundle_module("Combat", "local x = require(script.Parent.Nowhere)", frozenset({"Combat"}))


def test_a_require_that_cannot_be_bundled_fails_the_build() -> None:
    with pytest.raises(build.BuildError, match="in a form that cannot be bundled"):
        build.bundle_module("Combat", "local x = require(script:FindFirstChild('A'))", frozenset({"Combat"}))


def test_the_agents_version_is_the_packages() -> None:
    manifest = (BUILD.parent / "wally.toml").read_text()
    assert f'"connmon-luau/{build.version(manifest)}"' in (build.SOURCE / "Report.luau").read_text()
