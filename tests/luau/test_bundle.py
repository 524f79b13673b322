"""The single-file build."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.luau import build
from luauvm import VM, LuauError

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


def test_a_bundle_with_an_address_needs_none_at_the_start_and_takes_another() -> None:
    for start, wanted in {
        "{ Key = 'k' }": "https://a.example:8443/base",
        "{ Key = 'k', Url = 'http://b' }": "http://b",
    }.items():
        vm = VM()
        vm.add_script("ServerScriptService.connmon", build.bundle(url="https://a.example:8443/base"))
        vm.run(f"require(game:GetService('ServerScriptService').connmon).start({start})")
        vm.advance(3, fps=10)
        assert vm.requests[0].url == f"{wanted}/api/v1/reports"


def test_the_package_wants_an_address() -> None:
    vm = VM()
    vm.add_script("ServerScriptService.connmon", build.bundle())
    start = "require(game:GetService('ServerScriptService').connmon).start"
    for options in ("{ Key = 'k' }", "nil", "{ Url = 'http://b' }", "{ Key = 'k', Url = 5 }"):
        with pytest.raises(LuauError, match="Url = address of the backend"):
            vm.run(f"{start}({options})")


@pytest.mark.parametrize(
    "url", ["", "example.com", 'https://a"', "https://a\n", "https://a\\", "ftp://a", "https://ä", "https://"]
)
def test_what_is_no_address_fails_the_build(url: str) -> None:
    with pytest.raises(build.BuildError, match="no address of a backend"):
        build.bundle(url=url)


def test_the_command_says_what_is_wrong_with_an_address() -> None:
    done = subprocess.run([sys.executable, BUILD, "--url", "nowhere"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'nowhere' is no address of a backend" in done.stderr


def test_a_require_of_a_missing_module_fails_the_build() -> None:
    with pytest.raises(build.BuildError, match="Combat requires Nowhere"):
        build.bundle_module("Combat", "local x = require(script.Parent.Nowhere)", frozenset({"Combat"}))


def test_a_require_that_cannot_be_bundled_fails_the_build() -> None:
    with pytest.raises(build.BuildError, match="in a form that cannot be bundled"):
        build.bundle_module("Combat", "local x = require(script:FindFirstChild('A'))", frozenset({"Combat"}))


def test_the_agents_version_is_the_packages() -> None:
    manifest = (BUILD.parent / "wally.toml").read_text()
    assert f'"connmon-luau/{build.version(manifest)}"' in (build.SOURCE / "Report.luau").read_text()
